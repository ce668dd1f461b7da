{{- define "monitoring.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .release }}
{{- end }}
{{- define "monitoring.store" -}}
registry.navarch.internal/victoria-metrics:v1.151.0@sha256:cbcb1adbe1101b51a3cb8c0fdb637dbe76a0b14e51c243bdeab86ffdb2252bde
{{- end }}
{{- define "monitoring.nodeExporter" -}}
registry.navarch.internal/node-exporter:v1.12.1@sha256:c0de889388fc0b89317607dd21a2babf14705e9e2ab445a9d8f7d5337661b0fa
{{- end }}
