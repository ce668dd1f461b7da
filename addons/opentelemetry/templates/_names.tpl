{{- define "opentelemetry.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .release }}
{{- end }}
{{- define "opentelemetry.collector" -}}
registry.navarch.internal/opentelemetry-collector:v0.160.0@sha256:0586ae5d7312d675a5ab0974e41937a1f0b7bbbb548fe1ef76a9c1e20ef2df33
{{- end }}
{{- define "opentelemetry.kubeEvents" -}}
registry.navarch.internal/kube-events:1@sha256:85f12a9516e911234da888d1ffceff32af469dd76b911006911eb0528ba427c3
{{- end }}
{{- define "opentelemetry.publicRoots" -}}
registry.navarch.internal/public-roots:1@sha256:e13d5891bf616fa897b338be11f171f2d95f3ce46160b33ddbf16b0e2a92c072
{{- end }}
{{- define "opentelemetry.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
