"""The status of a pod as its kubelet writes it, and what follows from a pod's probes and volumes. Pure."""

import math
from collections.abc import Callable

from worlds.cluster.conditions import set_condition
from worlds.cluster.runtime import ContainerRuntime, PodRuntime, Stage
from worlds.objects.copying import copied
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.store import ObjectStore

_CLAIM = kind_named("PersistentVolumeClaim")
_CONFIGMAP = kind_named("ConfigMap")
_SECRET = kind_named("Secret")
_POD = kind_named("Pod")


def status_of(pod: JsonObject, runtime: PodRuntime, *, now: str, stamp: Callable[[float], str]) -> JsonObject:
    """Return the status for what runs now."""
    before = pod.get("status", {})
    status: JsonObject = {
        "phase": _phase(pod, runtime),
        "hostIP": before.get("hostIP", f"10.132.0.{sum(map(ord, runtime.node)) % 200 + 10}"),
        "podIP": runtime.ip,
        "podIPs": [{"ip": runtime.ip}],
        "startTime": before.get("startTime", stamp(runtime.started)),
        "qosClass": _quality(pod),
        "conditions": copied(before.get("conditions", [])),
        "containerStatuses": [_container_status(pod, runtime, container, stamp) for container in runtime.containers],
    }
    if runtime.inits:
        status["initContainerStatuses"] = [_container_status(pod, runtime, one, stamp) for one in runtime.inits]
    lagging = [c.name for c in runtime.containers if not c.ready]
    done = status["phase"] == "Succeeded"
    reason = ("PodCompleted" if done else "ContainersNotReady") if lagging else ""
    message = f"containers with unready status: [{' '.join(lagging)}]" if lagging and not done else ""
    conditions = status["conditions"]
    waiting = [c.name for c in runtime.inits if not c.ready]
    text = f"containers with incomplete status: [{' '.join(waiting)}]" if waiting else ""
    why = "ContainersNotInitialized" if waiting else ""
    set_condition(conditions, "Initialized", value=not waiting, reason=why, message=text, now=now)
    for name in ("ContainersReady", "Ready"):
        set_condition(conditions, name, value=not lagging, reason=reason, message=message, now=now)
    return status


def _phase(pod: JsonObject, runtime: PodRuntime) -> str:
    if pod["spec"].get("restartPolicy") == "Never" and all(c.stage is Stage.ENDED for c in runtime.containers):
        codes = [c.ended["exitCode"] for c in runtime.containers if c.ended]
        return "Failed" if any(codes) else "Succeeded"
    return "Running" if any(c.instance for c in runtime.containers) else "Pending"


def _container_status(
    pod: JsonObject, runtime: PodRuntime, container: ContainerRuntime, stamp: Callable[[float], str]
) -> JsonObject:
    image = container_spec(pod, container.name)["image"]
    running = container.stage is Stage.RUNNING
    if running:
        state: JsonObject = {"running": {"startedAt": stamp(container.started)}}
    elif container.stage is Stage.ENDED and container.ended:
        state = {"terminated": container.ended}
    else:
        waiting = {"reason": container.reason} | ({"message": container.message} if container.message else {})
        state = {"waiting": waiting}
    started = {"containerID": container_id(runtime.uid, container)} if container.instance else {}
    return {
        "name": container.name,
        "image": image,
        "imageID": f"{image.rpartition(':')[0]}@sha256:{_hex(image)}" if container.instance else "",
        "ready": container.ready,
        "started": running,
        "restartCount": container.restarts,
        "state": state,
        "lastState": {"terminated": container.last} if container.last else {},
        **started,
    }


def terminated(
    *, code: int, reason: str, started: str, finished: str, container_id: str, message: str = ""
) -> JsonObject:
    """Return the state of a container that ended."""
    state = {
        "exitCode": code,
        "reason": reason,
        "startedAt": started,
        "finishedAt": finished,
        "containerID": container_id,
    }
    return state | ({"message": message} if message else {})


def container_id(uid: str, container: ContainerRuntime) -> str:
    """Return the id of a container's present instance."""
    return f"containerd://{_hex(f'{uid}/{container.name}/{container.instance}')}"


def _hex(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def _quality(pod: JsonObject) -> str:
    resources = [container.get("resources", {}) for container in pod["spec"]["containers"]]
    if not any(resources):
        return "BestEffort"
    equal = all(r.get("requests") == r.get("limits") and len(r.get("limits", {})) > 1 for r in resources)
    return "Guaranteed" if equal else "Burstable"


def container_spec(pod: JsonObject, name: str) -> JsonObject:
    """Return the spec of a container by its name. Raises StopIteration when the pod has none."""
    spec = pod["spec"]
    return next(c for c in [*spec.get("initContainers", []), *spec["containers"]] if c["name"] == name)


def field_path(pod: JsonObject, name: str) -> str:
    """Return how events name a container of a pod."""
    init = any(c["name"] == name for c in pod["spec"].get("initContainers", []))
    return f"spec.{'initContainers' if init else 'containers'}{{{name}}}"


def first_ready(pod: JsonObject, *, startup: float) -> float:
    """Return the seconds from a process's start until its readiness probe first passes."""
    probe = pod["spec"]["containers"][0].get("readinessProbe")
    if probe is None:
        return 0.5
    delay, period = float(probe.get("initialDelaySeconds", 0)), float(probe.get("periodSeconds", 10))
    return delay + max(math.ceil((startup - delay) / period), 0) * period + 0.2


def patience(pod: JsonObject, probe_name: str, *, first: bool = False) -> float:
    """Return the seconds until a failing probe has its effect; counted from the start when `first`."""
    probe = pod["spec"]["containers"][0].get(probe_name)
    if probe is None:
        return math.inf
    delay = float(probe.get("initialDelaySeconds", 0)) if first else 0.0
    return delay + float(probe.get("periodSeconds", 10)) * float(probe.get("failureThreshold", 3))


def killed_while_starting(pod: JsonObject, *, startup: float) -> bool:
    """Say whether the liveness probe, or the startup probe that holds it back, gives up before the process answers."""
    return patience(pod, deciding_probe(pod), first=True) < startup


def deciding_probe(pod: JsonObject) -> str:
    """Return which probe decides about a process that is still starting."""
    return "startupProbe" if "startupProbe" in pod["spec"]["containers"][0] else "livenessProbe"


def refused(pod: JsonObject, ip: str) -> str:
    """Return what a probe says of a port on which nobody listens."""
    probe = pod["spec"]["containers"][0].get(deciding_probe(pod), {})
    check = probe.get("httpGet") or probe.get("tcpSocket") or {}
    where = f"{ip}:{check.get('port', 80)}"
    if "path" in check:
        url = f"{check.get('scheme', 'HTTP').lower()}://{where}{check['path']}"
        return f'Get "{url}": dial tcp {where}: connect: connection refused'
    return f"dial tcp {where}: connect: connection refused"


def volume_trouble(store: ObjectStore, pod: JsonObject) -> tuple[str, str]:
    """Return reason and message of the event that says why a pod's volumes cannot be mounted; empty when they can."""
    text = _source_missing(store, pod)
    if text:
        return "FailedMount", text
    text = _held_elsewhere(store, pod)
    return ("FailedAttachVolume", text) if text else ("", "")


def _held_elsewhere(store: ObjectStore, pod: JsonObject) -> str:
    """Say which volume that only one node may hold is held by a pod on another node."""
    namespace, node = pod["metadata"]["namespace"], pod["spec"].get("nodeName")
    others = [
        other
        for other in store.every(_POD, namespace=namespace)
        if other["spec"].get("nodeName") not in {None, node}
        and other.get("status", {}).get("phase") not in {"Succeeded", "Failed"}
    ]
    for name in claims_of(pod):
        claim = store.find(_CLAIM, namespace=namespace, name=name)
        if claim is None or set(claim["spec"].get("accessModes", [])) & {"ReadWriteMany", "ReadOnlyMany"}:
            continue
        holders = [other["metadata"]["name"] for other in others if name in claims_of(other)]
        if holders:
            volume = claim["spec"].get("volumeName", name)
            return f'Multi-Attach error for volume "{volume}" Volume is already used by pod(s) {", ".join(holders)}'
    return ""


def claims_of(pod: JsonObject) -> list[str]:
    """Return the names of the claims that a pod mounts."""
    volumes = pod["spec"].get("volumes", [])
    return [v["persistentVolumeClaim"]["claimName"] for v in volumes if "persistentVolumeClaim" in v]


def _source_missing(store: ObjectStore, pod: JsonObject) -> str:
    namespace = pod["metadata"]["namespace"]
    for volume in pod["spec"].get("volumes", []):
        if "configMap" in volume and not volume["configMap"].get("optional"):
            name = volume["configMap"]["name"]
            if store.find(_CONFIGMAP, namespace=namespace, name=name) is None:
                return f'MountVolume.SetUp failed for volume "{volume["name"]}" : configmap "{name}" not found'
        if "secret" in volume and not volume["secret"].get("optional"):
            name = volume["secret"]["secretName"]
            if store.find(_SECRET, namespace=namespace, name=name) is None:
                return f'MountVolume.SetUp failed for volume "{volume["name"]}" : secret "{name}" not found'
    return ""
