{{- define "monitoring.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .release | quote }}
{{- end }}
{{- define "monitoring.nodeExporter" -}}
registry.navarch.internal/node-exporter:v1.12.1@sha256:c0de889388fc0b89317607dd21a2babf14705e9e2ab445a9d8f7d5337661b0fa
{{- end }}
{{- define "monitoring.kubeExporter" -}}
registry.navarch.internal/kube-exporter:1@sha256:5e9a8a66d149c7e74f118c834818fcff30e9de236e3ecb0b57203545bd05c4ec
{{- end }}
{{- define "monitoring.vmagent" -}}
registry.navarch.internal/vmagent:v1.151.0@sha256:f46eaccae516a1bef2b2c1d69f9b6e4a4515bfcfe816f6e083f72d82e4d01cd4
{{- end }}
{{- define "monitoring.alertmanager" -}}
registry.navarch.internal/alertmanager:v0.31.1@sha256:08a94d91b67d2d830a2dd3f13d1c1d5fa70df2b834aaeac278386ba7d62dae96
{{- end }}
{{- define "monitoring.publicRoots" -}}
registry.navarch.internal/public-roots:1@sha256:e13d5891bf616fa897b338be11f171f2d95f3ce46160b33ddbf16b0e2a92c072
{{- end }}
{{- /* A pod of nobody's, as restricted namespaces ask. */}}
{{- define "monitoring.nobody" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65534
  runAsGroup: 65534
  fsGroup: 65534
  seccompProfile: {type: RuntimeDefault}
{{- end }}
{{- define "monitoring.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
{{- define "monitoring.alertmanagerConfig" -}}
{{- if .Values.alerts.config }}
{{- toYaml .Values.alerts.config }}
{{- else -}}
route:
  receiver: {{ empty .Values.alerts.webhook | ternary "nobody" "webhook" }}
  group_by: [alertname, namespace]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 12h
  routes:
  - receiver: nobody
    matchers: ['alertname="Watchdog"']
receivers:
- name: nobody
{{- if .Values.alerts.webhook }}
- name: webhook
  webhook_configs:
  - url_file: /etc/alertmanager/webhook
    send_resolved: true
    {{- if .Values.alerts.ca }}
    http_config:
      tls_config: {ca_file: /etc/alertmanager/ca.pem}
    {{- end }}
{{- end }}
{{- end }}
{{- end }}
