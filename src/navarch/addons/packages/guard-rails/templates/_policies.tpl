{{- /* A policy is enforced everywhere that it says itself. */ -}}
{{- define "binding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ . }}
spec:
  policyName: {{ . }}
  validationActions: [Deny]
{{- end }}

{{- define "may-bypass" -}}
authorizer.group('navarch.io').resource('guardrails').check('bypass').allowed()
{{- end }}

{{- define "guarded-label" -}}
k == 'navarch.io/node-group' || k.startsWith('node-role.kubernetes.io/')
{{- end }}

{{- define "tolerates-control-plane" -}}
t.?key.orValue('') in ['', 'node-role.kubernetes.io/control-plane'] && t.?effect.orValue('') in ['', 'NoSchedule']
{{- end }}

{{- /* An administrator lets pods of a namespace onto control-plane machines by this label on it. */ -}}
{{- define "not-on-control-plane" -}}
matchExpressions:
- key: kubernetes.io/metadata.name
  operator: NotIn
  values: [kube-system]
- key: navarch.io/control-plane-pods
  operator: NotIn
  values: [allowed]
{{- end }}

{{- define "no-pods-there" -}}
pods of this namespace do not run on control-plane machines: leave out the toleration of node-role.kubernetes.io/control-plane (a toleration without a key is one), or have an administrator label the namespace navarch.io/control-plane-pods=allowed
{{- end }}
