{{- define "registry.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .release | quote }}
{{- end }}
{{- define "registry.registry" -}}
registry.navarch.internal/registry:1@sha256:da82e5fa6cb308884b557347bc83b2852b8f4ba908a7bde457d09429c3eeb672
{{- end }}
{{- define "registry.trust" -}}
registry.navarch.internal/registry-trust:1@sha256:affe190c5e84de17ae3c7172909b56f2653a82dd54f0140294930ea10e332049
{{- end }}
{{- define "registry.publicRoots" -}}
registry.navarch.internal/public-roots:1@sha256:e13d5891bf616fa897b338be11f171f2d95f3ce46160b33ddbf16b0e2a92c072
{{- end }}
{{- /* A pod of nobody's, as restricted namespaces ask. */}}
{{- define "registry.nobody" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65534
  runAsGroup: 65534
  fsGroup: 65534
  seccompProfile: {type: RuntimeDefault}
{{- end }}
{{- define "registry.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
{{- /* The CA's pair, {crt, key} in base64: the one that there is, or a new one. It is made once. */}}
{{- define "registry.authority" -}}
{{- $there := lookup "v1" "Secret" .Release.Namespace (printf "%s-authority" .Release.Name) }}
{{- if $there }}
{{- dict "crt" (index $there.data "tls.crt") "key" (index $there.data "tls.key") | toJson }}
{{- else }}
{{- $made := genCA (printf "%s of this cluster" .Release.Name) 3650 }}
{{- dict "crt" ($made.Cert | b64enc) "key" ($made.Key | b64enc) | toJson }}
{{- end }}
{{- end }}
{{- /* distribution's configuration. It remembers no blobs (storage.cache): one that was removed would be said to be there. */}}
{{- define "registry.configuration" -}}
version: 0.1
log: {level: warn, formatter: json, accesslog: {disabled: true}}
storage:
  s3:
    regionendpoint: {{ .Values.storage.endpoint | quote }}
    region: {{ .Values.storage.region | quote }}
    bucket: {{ .Values.storage.bucket | quote }}
    rootdirectory: {{ printf "/%s" (trimAll "/" .Values.storage.folder) | quote }}
    accesskey: {{ .Values.storage.accessKey | quote }}
    secretkey: {{ .Values.storage.secretKey | quote }}
    forcepathstyle: true
  delete: {enabled: true}
  # Clients get layers from here: not all of them reach the object storage, or believe it.
  redirect: {disable: true}
auth:
  users: {file: /etc/registry/users.json}
http:
  addr: :5000
  # The same in all pods: an upload goes on in whichever it comes to.
  secret: {{ derivePassword 1 "long" .Values.storage.secretKey "uploads" .Release.Name | quote }}
  tls: {certificate: /tls/tls.crt, key: /tls/tls.key, minimumtls: tls1.2}
health:
  storagedriver: {enabled: true, interval: 10s, threshold: 3}
{{- end }}
{{- /* Nodes must be told whom to believe, unless it is a public authority. */}}
{{- define "registry.tellsNodes" -}}
{{- if or (not .Values.tls.certificate) .Values.tls.ca }}yes{{ end }}
{{- end }}
{{- /* The volume with the certificates that the object storage is believed by. */}}
{{- define "registry.roots" -}}
- name: roots
  {{- if .Values.storage.ca }}
  secret:
    secretName: {{ .Release.Name | quote }}
    items: [{key: storage-ca.pem, path: storage-ca.pem}]
  {{- else }}
  emptyDir: {sizeLimit: 1Mi}
  {{- end }}
{{- end }}
