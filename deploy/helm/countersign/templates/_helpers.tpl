{{/*
Names are the same whatever the release is called: there is one countersign in a cluster, and its configurations, documents and
commands name each other.
*/}}

{{- define "countersign.labels" -}}
{{ include "countersign.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "countersign.selector" -}}
app.kubernetes.io/name: countersign-webhook
{{- end }}

{{- define "countersign.image" -}}
{{- $image := .Values.image -}}
{{- $tag := $image.tag -}}
{{- if not (or $tag $image.digest) }}{{ $tag = .Chart.AppVersion }}{{ end -}}
{{ $image.repository }}{{ with $tag }}:{{ . }}{{ end }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* Whether something is asked of the Kubernetes API: then a token is mounted, and there is something to be allowed. */}}
{{- define "countersign.checks" -}}
{{- if not .Values.kubernetesApi }}
{{- $needs := list }}
{{- if eq .Values.tls.mode "self" }}{{ $needs = append $needs "tls.mode: self" }}{{ end }}
{{- if .Values.pullSecrets.enabled }}{{ $needs = append $needs "pullSecrets.enabled" }}{{ end }}
{{- if .Values.policyResources }}{{ $needs = append $needs "policyResources" }}{{ end }}
{{- if .Values.events }}{{ $needs = append $needs "events" }}{{ end }}
{{- if $needs }}
{{- fail (printf "kubernetesApi is false, and %s need the Kubernetes API: switch them off, or kubernetesApi on" (join ", " $needs)) }}
{{- end }}
{{- end }}
{{- if and .Values.policy .Values.policyConfigMap }}
{{- fail "policy and policyConfigMap are two places for the policies: give one of them" }}
{{- end }}
{{- if eq .Release.Namespace "kube-system" }}
{{- fail "countersign does not belong into kube-system, which it never enforces in: pass --namespace countersign --create-namespace" }}
{{- end }}
{{- if .Values.mutate.enabled }}
{{- if not (or .Values.mutate.namespaces .Values.enforce.namespaces) }}
{{- fail "mutate.enabled is true and no namespace is named: fill enforce.namespaces, or mutate.namespaces" }}
{{- end }}
{{- end }}
{{- if and .Values.pullSecrets.enabled (not .Values.pullSecrets.namespaces) }}
{{- fail "pullSecrets.enabled is true and pullSecrets.namespaces is empty: name the namespaces whose Secrets may be read" }}
{{- end }}
{{- end }}

{{/*
Where a configuration counts. Exclusions go by the name, which the API server itself sets as a label and nobody can set otherwise; never by
who asks, for the controllers of kube-system make every Pod, and never by a label that an owner of a namespace can write.
Called with the root as `root`, and `namespaces` and `of`, which value they are.
*/}}
{{- define "countersign.namespaceSelector" -}}
{{- $excluded := list .root.Release.Namespace "kube-system" -}}
namespaceSelector:
  matchExpressions:
    - {key: kubernetes.io/metadata.name, operator: NotIn, values: [{{ join ", " $excluded }}]}
{{- if not (kindIs "string" .namespaces) }}
{{- range .namespaces }}
{{- if has . $excluded }}
{{- fail (printf "%s names %s, where nothing may keep Pods from coming up: take it out" $.of .) }}
{{- end }}
{{- end }}
    - {key: kubernetes.io/metadata.name, operator: In, values: [{{ join ", " .namespaces }}]}
{{- end }}
{{- end }}

{{/* How the API server asks: called with the root as `root`, `path`, and `timeout` if it is not the usual one. There is no caBundle, not even an empty one: whoever keeps it right writes it, and
what keeps these objects as they are here must not fight that. */}}
{{- define "countersign.clientConfig" -}}
clientConfig:
  service: {name: countersign-webhook, namespace: {{ .root.Release.Namespace }}, path: {{ .path }}, port: 443}
admissionReviewVersions: [v1]
sideEffects: None
timeoutSeconds: {{ .timeout | default .root.Values.timeout }}
matchPolicy: Equivalent
{{- end }}

{{- define "countersign.pods" -}}
- {apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [pods, pods/ephemeralcontainers], scope: Namespaced}
{{- end }}

{{/* Everything that bears images: what the webhook knows itself, and what it is configured for. */}}
{{- define "countersign.workloads" -}}
- apiGroups: [""]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [pods, pods/ephemeralcontainers, podtemplates, replicationcontrollers]
  scope: Namespaced
- apiGroups: [apps]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [deployments, replicasets, statefulsets, daemonsets]
  scope: Namespaced
- apiGroups: [batch]
  apiVersions: [v1]
  operations: [CREATE, UPDATE]
  resources: [jobs, cronjobs]
  scope: Namespaced
{{- range .Values.customResources }}
- apiGroups: [{{ .group }}]
  apiVersions: [{{ join ", " .versions }}]
  operations: [CREATE, UPDATE]
  resources: [{{ .resource }}]
  scope: {{ .scope | default "Namespaced" }}
{{- end }}
{{- end }}

{{/*
A change that leaves the spec as it is changes no image of a kind that Kubernetes has (a PodTemplate has no spec, and is always asked about): labels, annotations
and finalizers can be written while no replica is alive. Of custom resources nobody knows where their images are, so they are always asked about.
*/}}
{{- define "countersign.matchConditions" -}}
matchConditions:
  - name: an-image-may-have-changed
    expression: >-
      request.operation != 'UPDATE' || !(request.kind.group in ['', 'apps', 'batch']) ||
      !has(object.spec) || !has(oldObject.spec) || object.spec != oldObject.spec
{{- end }}

{{- define "countersign.caAnnotation" -}}
{{- if eq .Values.tls.mode "cert-manager" }}
  annotations: {cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/countersign-webhook}
{{- end }}
{{- end }}

{{/* Whether policies are files: where they are resources and no file is given, the starter would be a second word beside them. */}}
{{- define "countersign.hasPolicyFiles" -}}
{{- if or .Values.policy .Values.policyConfigMap (not .Values.policyResources) }}true{{ end }}
{{- end }}

{{/* The webhook's file. */}}
{{- define "countersign.config" -}}
{{- $values := .Values -}}
{{- $config := dict "cacheDir" "/var/cache/countersign/evidence" "trustCache" "/var/cache/countersign/trust" "timeout" (int $values.timeout) "drain" (int $values.drain) -}}
{{- if include "countersign.hasPolicyFiles" . }}{{ $_ := set $config "policy" "/etc/countersign/policy" }}{{ end -}}
{{- if eq $values.tls.mode "self" }}
{{- $_ := set $config "tls" "self" -}}
{{- $_ := set $config "tlsSecret" $values.tls.secretName -}}
{{- else }}
{{- $_ := set $config "tlsCert" "/etc/countersign/tls/tls.crt" -}}
{{- $_ := set $config "tlsKey" "/etc/countersign/tls/tls.key" -}}
{{- end }}
{{- if $values.kubernetesApi }}{{ $_ := set $config "kubernetes" "in-cluster" }}{{ end -}}
{{- if $values.pullSecrets.enabled }}{{ $_ := set $config "pullSecrets" true }}{{ end -}}
{{- if $values.policyResources }}{{ $_ := set $config "policyResources" true }}{{ end -}}
{{- if $values.events }}{{ $_ := set $config "events" true }}{{ end -}}
{{- if $values.mutate.enabled }}{{ $_ := set $config "mutate" true }}{{ end -}}
{{- if $values.registries }}{{ $_ := set $config "registries" "/etc/countersign/config/registries.yaml" }}{{ end -}}
{{- if $values.dockerConfig.secretName }}{{ $_ := set $config "dockerConfig" "/etc/countersign/docker/config.json" }}{{ end -}}
{{- if $values.breakGlass.configMap }}{{ $_ := set $config "breakGlass" "/etc/countersign/break-glass" }}{{ end -}}
{{- $images := list -}}
{{- range $values.customResources }}
{{- $images = append $images (dict "group" .group "kind" .kind "path" .path "holds" .holds "optional" (.optional | default false)) -}}
{{- end }}
{{- if $images }}{{ $_ := set $config "images" $images }}{{ end -}}
{{- range $key, $_ := $values.config }}
{{- if or (hasKey $config $key) (has $key (list "listen" "metricsListen" "policy" "namespace" "service" "lease" "webhookConfigurations" "tls" "tlsCert" "tlsKey" "tlsSecret" "kubernetes" "pullSecrets" "policyResources" "events" "mutate" "registries" "dockerConfig" "breakGlass" "images")) }}
{{- fail (printf "config.%s is written by the chart: another value decides it" $key) }}
{{- end }}
{{- end }}
{{- toYaml (merge $config $values.config) }}
{{- end }}
