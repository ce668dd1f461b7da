{{- define "opentelemetry.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .release | quote }}
{{- end }}
{{- define "opentelemetry.collector" -}}
registry.navarch.internal/opentelemetry-collector:v0.160.0@sha256:2ed9e1af65be46f0bb4d6e4ececf5937c2ed1a5b3a03110cc4d8e280cbe2dc4f
{{- end }}
{{- define "opentelemetry.kubeEvents" -}}
registry.navarch.internal/kube-events:1@sha256:52ce6b444026d747a831f5a661fec2d1b2963b3b4449798bb08f85086faedf82
{{- end }}
{{- define "opentelemetry.publicRoots" -}}
registry.navarch.internal/public-roots:1@sha256:e13d5891bf616fa897b338be11f171f2d95f3ce46160b33ddbf16b0e2a92c072
{{- end }}
{{- define "opentelemetry.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
