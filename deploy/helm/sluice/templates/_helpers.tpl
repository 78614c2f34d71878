{{/* With "-admin" behind it, it is the name of a Service: 63 characters at most. */}}
{{- define "sluice.name" -}}
{{- if contains "sluice" .Release.Name }}{{ .Release.Name | trunc 57 | trimSuffix "-" }}{{ else }}{{ printf "%s-sluice" .Release.Name | trunc 57 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "sluice.selector" -}}
app.kubernetes.io/name: sluice
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sluice.labels" -}}
{{ include "sluice.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* The port of an address as the configuration writes it. */}}
{{- define "sluice.port" -}}
{{- regexFind "[0-9]+$" . }}
{{- end }}

{{- define "sluice.adminPort" -}}
{{- $admin := .Values.config.admin | default dict }}
{{- $address := $admin.address | default "127.0.0.1:9090" }}
{{- if or (eq (toString $address) "off") (regexMatch "^(127\\.|localhost|\\[::1\\])" $address) }}
{{- fail "config.admin.address has to be one the kubelet reaches, as 0.0.0.0:9090: the probes ask it" }}
{{- end }}
{{- include "sluice.port" $address }}
{{- end }}

{{/* Whole seconds of timeouts.drain, rounded up. */}}
{{- define "sluice.drain" -}}
{{- $timeouts := .Values.config.timeouts | default dict }}
{{- $drain := toString (dig "drain" "30s" $timeouts) }}
{{- $count := regexFind "^[0-9]+" $drain | int }}
{{- if hasSuffix "ms" $drain }}{{ add1 (div $count 1000) }}
{{- else if hasSuffix "s" $drain }}{{ $count }}
{{- else if hasSuffix "m" $drain }}{{ mul $count 60 }}
{{- else if hasSuffix "h" $drain }}{{ mul $count 3600 }}
{{- else if eq $drain "0" }}0
{{- else }}{{ fail (printf "timeouts.drain %q: write it in ms, s, m or h" $drain) }}
{{- end }}
{{- end }}
