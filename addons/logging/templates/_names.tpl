{{- define "logging.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .release | quote }}
{{- end }}
{{- define "logging.store" -}}
registry.navarch.internal/victoria-logs:v1.52.1@sha256:1448a1cc97b6fb6dd5e16d07b48f6e9effc0cc4f3332bebb226073b88d359b83
{{- end }}
{{- define "logging.agent" -}}
registry.navarch.internal/vlagent:v1.52.1@sha256:310e237a575cc9aca09394fbf4f74b366d4fb7fc03d78a17eff66926ac97bc17
{{- end }}
{{- define "logging.kubeEvents" -}}
registry.navarch.internal/kube-events:1@sha256:52ce6b444026d747a831f5a661fec2d1b2963b3b4449798bb08f85086faedf82
{{- end }}
