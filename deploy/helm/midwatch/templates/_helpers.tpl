{{- define "midwatch.labels" -}}
app.kubernetes.io/name: midwatch
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "midwatch.name" -}}
{{ printf "%s-%s" .root.Release.Name .role | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What a schema can refuse, but not explain. */}}
{{- define "midwatch.check" -}}
{{- range $name, $variable := dict "database_url" "MIDWATCH_DATABASE_URL" "session_secret" "MIDWATCH_SESSION_SECRET" "people" "MIDWATCH_PEOPLE" -}}
{{- if hasKey $.Values.settings $name -}}
{{- fail (printf "settings.%s is a secret and would stand in a ConfigMap: put %s into the Secrets that `secrets` names" $name $variable) -}}
{{- end -}}
{{- end -}}
{{- range $cluster := $.Values.settings.clusters -}}
{{- range $field := list "kubernetes_write" "argocd_write" "github_write" -}}
{{- if hasKey $cluster $field -}}
{{- fail (printf "settings.clusters: %s of %s would be given to every role: write it as write.%s.%s, which the executor alone is given" $field $cluster.name $cluster.name $field) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $names := list -}}
{{- range $cluster := $.Values.settings.clusters }}{{ $names = append $names $cluster.name }}{{ end -}}
{{- range $name, $_ := $.Values.write -}}
{{- if not (has $name $names) -}}
{{- fail (printf "write.%s: settings.clusters has no cluster of that name (it has: %s)" $name (join ", " $names)) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* midwatch.yaml of a role: the common settings, and for the executor its write credentials by cluster. */}}
{{- define "midwatch.settings" -}}
{{- $settings := deepCopy .root.Values.settings -}}
{{- if eq .role "executor" -}}
{{- $clusters := list -}}
{{- range $cluster := $settings.clusters -}}
{{- $clusters = append $clusters (mergeOverwrite $cluster (get $.root.Values.write $cluster.name | default dict)) -}}
{{- end -}}
{{- $_ := set $settings "clusters" $clusters -}}
{{- end -}}
{{- $_ := set $settings "roles" (list .role) -}}
{{- if .root.Values.policy -}}
{{- $_ := set $settings "policy" "/etc/midwatch-policy" -}}
{{- end -}}
{{- $_ := set $settings "listen" (mergeOverwrite (dict "host" "0.0.0.0" "port" (int .root.Values.service.port)) ($settings.listen | default dict)) -}}
{{- toYaml $settings -}}
{{- end }}

{{/* A role's deployment. No role mounts a service account token that it has no use for. */}}
{{- define "midwatch.deployment" -}}
{{- $own := get .root.Values .role -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "midwatch.name" . }}
  labels: {{- include "midwatch.labels" . | nindent 4 }}
data:
  midwatch.yaml: | {{- include "midwatch.settings" . | nindent 4 }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "midwatch.name" . }}
  labels: {{- include "midwatch.labels" . | nindent 4 }}
spec:
  replicas: {{ $own.replicas | default 1 }}
  selector:
    matchLabels: {{- include "midwatch.labels" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "midwatch.labels" . | nindent 8 }}
      annotations:
        checksum/settings: {{ include "midwatch.settings" . | sha256sum }}
        {{- with .root.Values.podAnnotations }}{{ toYaml . | nindent 8 }}{{ end }}
    spec:
      serviceAccountName: {{ include "midwatch.name" . }}
      automountServiceAccountToken: {{ ne .role "web" }}
      terminationGracePeriodSeconds: 30
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets: {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        fsGroup: 10001
        seccompProfile: {type: RuntimeDefault}
      containers:
        - name: midwatch
          image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: [{{ if has .role (list "worker" "executor") }}{{ .role }}{{ else }}serve{{ end }}]
          env:
            - {name: MIDWATCH_CONFIG, value: /etc/midwatch/midwatch.yaml}
            - {name: HOME, value: /tmp}
          envFrom:
            - secretRef: {name: {{ get .root.Values.secrets .role | quote }}}
          {{- if eq .role "web" }}
          ports:
            - {name: http, containerPort: {{ .root.Values.service.port }}}
          startupProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 2, failureThreshold: 60}
          livenessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 10, failureThreshold: 6}
          readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 5}
          {{- end }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {drop: [ALL]}
          resources: {{- toYaml $own.resources | nindent 12 }}
          volumeMounts:
            - {name: settings, mountPath: /etc/midwatch, readOnly: true}
            {{- if .root.Values.policy }}
            - {name: policy, mountPath: /etc/midwatch-policy, readOnly: true}
            {{- end }}
            - {name: scratch, mountPath: /tmp}
      volumes:
        - name: settings
          configMap: {name: {{ include "midwatch.name" . }}}
        {{- if .root.Values.policy }}
        - name: policy
          configMap: {name: {{ .root.Release.Name }}-policy}
        {{- end }}
        - name: scratch
          emptyDir: {sizeLimit: 256Mi}
      {{- with .root.Values.nodeSelector }}
      nodeSelector: {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .root.Values.tolerations }}
      tolerations: {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}

{{/* The rules of a ClusterRole as deploy/kubernetes/rbac.yaml has them: one source for people with and without Helm. */}}
{{- define "midwatch.rules" -}}
{{- range $document := splitList "\n---\n" (.root.Files.Get "files/rbac.yaml") -}}
{{- $parsed := fromYaml $document -}}
{{- if and (eq (get $parsed "kind" | default "") "ClusterRole") (eq $parsed.metadata.name $.name) -}}
{{- toYaml $parsed.rules -}}
{{- end -}}
{{- end -}}
{{- end }}
