{{- define "monitoring.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .release }}
{{- end }}
{{- define "monitoring.store" -}}
registry.navarch.internal/victoria-metrics:v1.151.0@sha256:0000000000000000000000000000000000000000000000000000000000000000
{{- end }}
{{- define "monitoring.nodeExporter" -}}
registry.navarch.internal/node-exporter:v1.12.1@sha256:0000000000000000000000000000000000000000000000000000000000000000
{{- end }}
