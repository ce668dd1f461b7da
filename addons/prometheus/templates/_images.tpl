{{- define "prometheus.operator" -}}
registry.navarch.internal/prometheus-operator:v0.85.0@sha256:6e4f574ada53b0d37eed4717504fcf6175da19f742b2635e96343755584cd81a
{{- end }}
{{- define "prometheus.configReloader" -}}
registry.navarch.internal/prometheus-config-reloader:v0.85.0@sha256:616d98db904f721eb480b1560b135a687cf5ae29db55de96da528132624aef5f
{{- end }}
{{- define "prometheus.prometheus" -}}
registry.navarch.internal/prometheus:v0.316.0@sha256:dcb7e179d795220b4a6b8b05a65896fad4c8f7213d905037e0db97900a443e61
{{- end }}
{{- define "monitoring.url" -}}
http://{{ .Release.Name }}.{{ .Release.Namespace }}.svc:9090
{{- end }}
