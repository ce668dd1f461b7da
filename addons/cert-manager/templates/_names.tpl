{{- define "certManager.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .release }}
{{- end }}
{{- define "certManager.image" -}}
registry.navarch.internal/cert-manager:v1.21.2@sha256:90df114a61935fc1699ec0af99c4d1b0be633cdfb836b66ebdb3838c00f0751e
{{- end }}
{{- define "certManager.solver" -}}
registry.navarch.internal/cert-manager-acmesolver:v1.21.2@sha256:ea36a0a55ce90fc293bce4a9f61df622e5240adc2abc39cda574b0f5dd686a20
{{- end }}
{{- define "certManager.publicRoots" -}}
registry.navarch.internal/public-roots:1@sha256:e13d5891bf616fa897b338be11f171f2d95f3ce46160b33ddbf16b0e2a92c072
{{- end }}
{{- /* The same for the pods of all three parts. */ -}}
{{- define "certManager.pod" -}}
enableServiceLinks: false
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65534
  runAsGroup: 65534
  seccompProfile: {type: RuntimeDefault}
{{- end }}
{{- define "certManager.container" -}}
image: {{ include "certManager.image" . }}
imagePullPolicy: IfNotPresent
resources:
  requests: {cpu: 10m, memory: 64Mi}
  limits: {memory: 512Mi}
{{ include "certManager.confined" . }}
{{- end }}
{{- define "certManager.confined" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}
