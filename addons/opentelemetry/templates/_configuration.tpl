{{- /* The collector's configuration. In values of users a dollar would be read as the name of a variable. */}}
{{- define "opentelemetry.configuration" -}}
{{- $events := printf "/var/log/pods/%s_%s-events-*/events/*.log" .Release.Namespace .Release.Name -}}
extensions:
  file_storage:
    directory: /var/lib/opentelemetry-collector
    # A machine that loses its power must not lose what it said it has; a file that is broken all the same is made anew.
    fsync: true
    recreate: true
    compaction: {on_start: true, on_rebound: true, directory: /var/lib/opentelemetry-collector, cleanup_on_start: true}
  health_check: {endpoint: "0.0.0.0:13133"}
receivers:
  file_log:
    include:
    {{- range .Values.namespaces }}
    - /var/log/pods/{{ . }}_*/*/*.log
    {{- else }}
    - /var/log/pods/*/*/*.log
    {{- end }}
    {{- if and .Values.namespaces .Values.events }}
    - {{ $events }}
    {{- end }}
    # Its own lines would be sent for each that it sends.
    exclude:
    - /var/log/pods/{{ .Release.Namespace }}_{{ .Release.Name }}-agent-*/*/*.log
    {{- range .Values.excludedNamespaces }}
    - /var/log/pods/{{ . }}_*/*/*.log
    {{- end }}
    start_at: beginning
    include_file_path: true
    include_file_name: false
    # A long line is in parts, which may end or begin with a space.
    preserve_leading_whitespaces: true
    preserve_trailing_whitespaces: true
    storage: file_storage
    retry_on_failure: {enabled: true, max_elapsed_time: 0s}
    operators:
    - {type: container}
    {{- if .Values.events }}
    {{- $ours := printf "resource['k8s.namespace.name'] == '%s' and resource['k8s.container.name'] == 'events'" .Release.Namespace }}
    - type: json_parser
      if: {{ $ours }}
      parse_to: attributes["k8s.event"]
      timestamp: {parse_from: 'attributes["k8s.event"].time', layout_type: gotime, layout: "2006-01-02T15:04:05.999999999Z07:00"}
      severity: {parse_from: 'attributes["k8s.event"].type', mapping: {info: Normal, warn: Warning}}
      on_error: send_quiet
    - type: move
      if: {{ $ours }}
      from: attributes["k8s.event"].message
      to: body
      on_error: send_quiet
    {{- end }}
  {{- if .Values.receiver }}
  otlp:
    protocols:
      grpc: {endpoint: "0.0.0.0:4317"}
      http: {endpoint: "0.0.0.0:4318"}
  {{- end }}
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 75, spike_limit_percentage: 20}
  resource/node:
    attributes:
    - {key: k8s.node.name, value: "${env:NODE_NAME}", action: insert}
  {{- with .Values.cluster }}
  resource/cluster:
    attributes:
    - {key: k8s.cluster.name, value: {{ . | quote }}, action: insert}
  {{- end }}
exporters:
  {{- if .Values.endpoint }}
  otlp_http:
    logs_endpoint: {{ .Values.endpoint | quote }}
    {{- if .Values.ca }}
    tls: {ca_file: /etc/opentelemetry-collector/ca.pem}
    {{- end }}
    {{- with .Values.headers }}
    headers:
      {{- range $name, $value := . }}
      {{ $name }}: {{ $value | replace "$" "$$" | quote }}
      {{- end }}
    {{- end }}
    # What waits is on the disk. Where that is full, nothing more is read, and what containers write stays in their files.
    sending_queue:
      storage: file_storage
      sizer: bytes
      queue_size: {{ mul (trimSuffix "Gi" .Values.waiting | int64) 1024 1024 1024 }}
      block_on_overflow: true
      batch: {flush_timeout: 1s, sizer: bytes, min_size: 262144, max_size: 1048576}
    retry_on_failure: {enabled: true, max_interval: 30s, max_elapsed_time: 0s}
  {{- end }}
  {{- with .Values.s3 }}
  {{- if .endpoint }}
  s3:
    endpoint: {{ .endpoint | quote }}
    bucket: {{ .bucket | quote }}
    prefix: {{ .prefix | quote }}
    region: {{ .region | quote }}
    path_style: {{ .pathStyle }}
    credentials: /var/run/secrets/s3
    source: "${env:NODE_NAME}"
    {{- if .ca }}
    tls: {ca_file: /etc/opentelemetry-collector/ca-s3.pem}
    {{- end }}
    sending_queue:
      storage: file_storage
      sizer: bytes
      queue_size: {{ mul (trimSuffix "Gi" $.Values.waiting | int64) 1024 1024 1024 }}
      block_on_overflow: true
      num_consumers: 2
      batch: {flush_timeout: {{ .interval }}s, sizer: bytes, min_size: 4194304, max_size: 4194304}
    retry_on_failure: {enabled: true, max_interval: 30s, max_elapsed_time: 0s}
  {{- end }}
  {{- end }}
service:
  extensions: [health_check, file_storage]
  telemetry:
    logs: {encoding: json}
    metrics: {level: none}
  pipelines:
    {{- $exporters := concat (ternary (list "otlp_http") list (ne .Values.endpoint "")) (ternary (list "s3") list (ne .Values.s3.endpoint "")) | join ", " }}
    {{- $cluster := empty .Values.cluster | ternary "" ", resource/cluster" }}
    logs/files:
      receivers: [file_log]
      processors: [memory_limiter, resource/node{{ $cluster }}]
      exporters: [{{ $exporters }}]
    {{- if .Values.receiver }}
    logs/applications:
      receivers: [otlp]
      processors: [memory_limiter{{ $cluster }}]
      exporters: [{{ $exporters }}]
    {{- end }}
{{- end }}
