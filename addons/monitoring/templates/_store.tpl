{{- define "monitoring.store" -}}
registry.navarch.internal/victoria-metrics:v1.151.0@sha256:cbcb1adbe1101b51a3cb8c0fdb637dbe76a0b14e51c243bdeab86ffdb2252bde
{{- end }}
{{- define "monitoring.vmalert" -}}
registry.navarch.internal/vmalert:v1.151.0@sha256:647c87c7427518fa282a989c430dc747de9eaf331145cea830f8543ce653d030
{{- end }}
{{- define "monitoring.url" -}}
http://{{ .Release.Name }}.{{ .Release.Namespace }}.svc:8428
{{- end }}
