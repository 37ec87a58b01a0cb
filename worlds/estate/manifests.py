"""The Kubernetes manifests of a workload, as its team keeps them in Git.

A manifest set is a mapping from kind to object: one object of a kind per workload, which is how small services look.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from worlds.objects.kinds import JsonObject
from worlds.scenario.estate import Estate, resolve
from worlds.scenario.values import Pair
from worlds.scenario.workload import Probe, Workload, WorkloadKind

Manifests: TypeAlias = dict[str, JsonObject]

CONTROLLERS = ("Deployment", "StatefulSet", "DaemonSet", "Job")


def controller_of(manifests: Mapping[str, JsonObject]) -> JsonObject:
    """Return the object that makes the pods. Raises KeyError when there is none."""
    for kind in CONTROLLERS:
        if kind in manifests:
            return manifests[kind]
    raise KeyError("no controller among the manifests")


def image_of(workload: Workload, *, estate: Estate) -> str:
    """Return the image without tag."""
    return workload.image or f"ghcr.io/{estate.organisation}/{workload.name}"


def manifests_of(workload: Workload, *, estate: Estate) -> Manifests:
    """Return every object that the workload's team keeps in Git, in the order in which they are applied."""
    made: Manifests = {
        "ServiceAccount": _object("v1", "ServiceAccount", workload, {"automountServiceAccountToken": False})
    }
    if workload.config:
        made["ConfigMap"] = _object("v1", "ConfigMap", workload, {"data": dict(workload.config)}, suffix="-config")
    made[workload.kind.value] = _controller(workload, estate=estate)
    if workload.port is not None and workload.kind is not WorkloadKind.JOB:
        made["Service"] = _service(workload)
    if workload.autoscale:
        made["HorizontalPodAutoscaler"] = _autoscaler(workload)
    if workload.min_available is not None:
        spec = {"minAvailable": workload.min_available, "selector": {"matchLabels": selector_of(workload)}}
        made["PodDisruptionBudget"] = _object("policy/v1", "PodDisruptionBudget", workload, {"spec": spec})
    if workload.host:
        made["Ingress"] = _ingress(workload)
    return made


def labels_of(workload: Workload) -> dict[str, str]:
    """Return the standard labels of its objects."""
    return {
        "app.kubernetes.io/name": workload.name,
        "app.kubernetes.io/instance": workload.name,
        "app.kubernetes.io/part-of": workload.labels.get("app.kubernetes.io/part-of", workload.namespace),
        "team": workload.team,
        **workload.labels,
    }


def selector_of(workload: Workload) -> dict[str, str]:
    """Return the labels by which its Service and its controller select its pods."""
    return {"app.kubernetes.io/name": workload.name, "app.kubernetes.io/instance": workload.name}


def dns_name(workload: Workload) -> str:
    """Return the name under which others reach it."""
    if workload.kind is WorkloadKind.EXTERNAL:
        return workload.host or f"{workload.name}.example.net"
    return f"{workload.name}.{workload.namespace}.svc.cluster.local"


def address_variable(name: str) -> str:
    """Return the conventional env variable for a dependency's address."""
    return name.rpartition("/")[2].upper().replace("-", "_") + "_ADDR"


def service_port(workload: Workload) -> int:
    """Return the port of its Service."""
    return workload.service_port or workload.port or 443


def _object(api: str, kind: str, workload: Workload, body: JsonObject, *, suffix: str = "") -> JsonObject:
    metadata = {"name": workload.name + suffix, "namespace": workload.namespace, "labels": labels_of(workload)}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **body}


def _controller(workload: Workload, *, estate: Estate) -> JsonObject:
    template = _template(workload, estate=estate)
    selector = {"matchLabels": selector_of(workload)}
    match workload.kind:
        case WorkloadKind.DEPLOYMENT:
            spec: JsonObject = {"replicas": workload.replicas, "selector": selector, **_strategy(workload)}
            return _object("apps/v1", "Deployment", workload, {"spec": {**spec, "template": template}})
        case WorkloadKind.STATEFULSET:
            spec = {"replicas": workload.replicas, "serviceName": workload.name, "selector": selector}
            spec |= {"podManagementPolicy": "OrderedReady", "template": template}
            if workload.volume:
                spec["volumeClaimTemplates"] = [_claim(workload)]
            return _object("apps/v1", "StatefulSet", workload, {"spec": spec})
        case WorkloadKind.DAEMONSET:
            return _object("apps/v1", "DaemonSet", workload, {"spec": {"selector": selector, "template": template}})
        case WorkloadKind.JOB:
            template["spec"]["restartPolicy"] = "Never"
            return _object("batch/v1", "Job", workload, {"spec": {"backoffLimit": 4, "template": template}})
        case WorkloadKind.EXTERNAL:
            raise ValueError(f"{workload.key} is outside the cluster and has no manifests")


def _strategy(workload: Workload) -> JsonObject:
    rollout = workload.rollout
    strategy: JsonObject = {"type": rollout.strategy}
    if rollout.strategy == "RollingUpdate":
        strategy["rollingUpdate"] = {"maxSurge": rollout.max_surge, "maxUnavailable": rollout.max_unavailable}
    spec = {"revisionHistoryLimit": 10, "progressDeadlineSeconds": int(rollout.progress_deadline), "strategy": strategy}
    return spec | ({"minReadySeconds": int(rollout.min_ready)} if rollout.min_ready else {})


def _template(workload: Workload, *, estate: Estate) -> JsonObject:
    image = image_of(workload, estate=estate)
    container: JsonObject = {
        "name": workload.name,
        "image": f"{image}:{workload.tag}",
        "imagePullPolicy": "IfNotPresent",
        "env": _environment(workload, estate=estate),
        "resources": _resources(workload.cpu, workload.memory),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    if workload.command:
        container["command"] = list(workload.command)
    if workload.port is not None:
        container["ports"] = [{"name": "http", "containerPort": workload.port, "protocol": "TCP"}]
    for name, probe in _probes(workload):
        if probe is not None and workload.port is not None:
            container[name] = _probe(probe, port=workload.port)
    if workload.volume:
        container["volumeMounts"] = [{"name": workload.volume.name, "mountPath": workload.volume.mount}]
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": str(workload.port)} if workload.port else {}
    labels = {**labels_of(workload), "app.kubernetes.io/version": workload.tag}
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": _pod_spec(workload, container)}


def _pod_spec(workload: Workload, container: JsonObject) -> JsonObject:
    spec: JsonObject = {
        "serviceAccountName": workload.name,
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "containers": [container, *(_sidecar(image) for image in workload.sidecars)],
    }
    if workload.volume and workload.kind is not WorkloadKind.STATEFULSET:
        claim = {"claimName": f"{workload.volume.name}-{workload.name}"}
        spec["volumes"] = [{"name": workload.volume.name, "persistentVolumeClaim": claim}]
    if workload.volume and workload.volume.owner is not None:
        spec["securityContext"] = {"fsGroup": workload.volume.owner}
    if workload.pull_secret:
        spec["imagePullSecrets"] = [{"name": workload.pull_secret}]
    if workload.node_selector:
        spec["nodeSelector"] = dict(workload.node_selector)
    if workload.tolerations:
        spec["tolerations"] = [dict(toleration) for toleration in workload.tolerations]
    return spec


def _probes(workload: Workload) -> list[tuple[str, Probe | None]]:
    return [
        ("readinessProbe", workload.readiness),
        ("livenessProbe", workload.liveness),
        ("startupProbe", workload.startup_probe),
    ]


def _environment(workload: Workload, *, estate: Estate) -> list[JsonObject]:
    values = {"LOG_LEVEL": "info"} | dict(workload.env)
    for call in workload.calls:
        target = estate.workload(resolve(call.to, workload=workload))
        name = call.variable or address_variable(call.to)
        if call.queue:
            values.setdefault("QUEUE_" + call.queue.upper().replace(".", "_").replace("-", "_"), call.queue)
            continue
        values.setdefault(name, f"{dns_name(target)}:{call.port or service_port(target)}")
    env: list[JsonObject] = [{"name": key, "value": value} for key, value in values.items()]
    for key in workload.config:
        source = {"configMapKeyRef": {"name": f"{workload.name}-config", "key": key}}
        env.append({"name": key, "valueFrom": source})
    for key in workload.secrets:
        source = {"secretKeyRef": {"name": f"{workload.name}-secrets", "key": key}}
        env.append({"name": key, "valueFrom": source})
    return env


def _resources(cpu: Pair, memory: Pair) -> JsonObject:
    resources: JsonObject = {}
    for side in ("requests", "limits"):
        pairs = (("cpu", getattr(cpu, side[:-1])), ("memory", getattr(memory, side[:-1])))
        if values := {name: value for name, value in pairs if value}:
            resources[side] = values
    return resources


def _probe(probe: Probe, *, port: int) -> JsonObject:
    where: JsonObject = {"port": probe.port or port}
    check = {"httpGet": {"path": probe.path, "scheme": probe.scheme, **where}} if probe.path else {"tcpSocket": where}
    return {
        **check,
        "initialDelaySeconds": int(probe.delay),
        "periodSeconds": int(probe.period),
        "timeoutSeconds": int(probe.timeout),
        "successThreshold": 1,
        "failureThreshold": probe.failures,
    }


def _sidecar(image: str) -> JsonObject:
    name = image.rpartition("/")[2].partition(":")[0]
    resources = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}}
    return {"name": name, "image": image, "imagePullPolicy": "IfNotPresent", "resources": resources}


def _service(workload: Workload) -> JsonObject:
    port = {"name": "http", "port": service_port(workload), "targetPort": "http", "protocol": "TCP"}
    spec: dict[str, Any] = {"type": "ClusterIP", "selector": selector_of(workload), "ports": [port]}
    return _object("v1", "Service", workload, {"spec": spec})


def _autoscaler(workload: Workload) -> JsonObject:
    assert workload.autoscale is not None
    scale = workload.autoscale
    target = {"apiVersion": "apps/v1", "kind": workload.kind.value, "name": workload.name}
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": scale.cpu}}
    spec = {"scaleTargetRef": target, "minReplicas": scale.min, "maxReplicas": scale.max}
    spec |= {"metrics": [{"type": "Resource", "resource": metric}]}
    return _object("autoscaling/v2", "HorizontalPodAutoscaler", workload, {"spec": spec})


def _ingress(workload: Workload) -> JsonObject:
    backend = {"service": {"name": workload.name, "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    spec = {"ingressClassName": "nginx", "rules": [{"host": workload.host, "http": {"paths": [path]}}]}
    return _object("networking.k8s.io/v1", "Ingress", workload, {"spec": spec})


def _claim(workload: Workload) -> JsonObject:
    assert workload.volume is not None
    return {"metadata": {"name": workload.volume.name, "labels": selector_of(workload)}, "spec": claim_spec(workload)}


def claim_spec(workload: Workload) -> JsonObject:
    """Return the spec of the claim for its volume."""
    assert workload.volume is not None
    return {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": workload.volume.storage_class,
        "resources": {"requests": {"storage": workload.volume.size}},
    }
