{{- define "certManager.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .release | quote }}
{{- end }}
{{- define "certManager.image" -}}
registry.navarch.internal/cert-manager:v1.21.2@sha256:78f9502f3aac982f96733041cc3662212ea4c08b110d21b21bacdb78c4589d53
{{- end }}
{{- define "certManager.solver" -}}
registry.navarch.internal/cert-manager-acmesolver:v1.21.2@sha256:b17d916d709f74444b713ef41e53f2a9e64785358bcac94d2ff103b6fdb6eb21
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
  requests: {cpu: 10m, memory: 96Mi}
  limits: {memory: 512Mi}
{{ include "certManager.confined" . }}
{{- end }}
{{- define "certManager.confined" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}
