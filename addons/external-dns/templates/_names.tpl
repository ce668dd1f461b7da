{{- define "externalDns.labels" -}}
app.kubernetes.io/name: external-dns
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}
{{- define "externalDns.image" -}}
registry.navarch.internal/external-dns:v0.22.0@sha256:f240d9d493cd24c1e0c60657409e9da0d8633d06b46840fa01fb80cc95504c89
{{- end }}
