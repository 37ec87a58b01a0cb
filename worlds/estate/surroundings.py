"""What a kubelet gets to know about a process: from the scenario, the pod's spec and the effects in force."""

from worlds.cluster.nature import Exit, Nature
from worlds.cluster.references import values_of
from worlds.estate.effects import Effects
from worlds.objects.kinds import JsonObject
from worlds.objects.store import ObjectStore
from worlds.scenario.estate import Estate
from worlds.scenario.workload import Workload, WorkloadKind

_JOB_DURATION = 45.0


class Registry:
    """The image registry. It has every image except those named here."""

    def __init__(self) -> None:
        self.missing: dict[str, str] = {}
        self.outage = ""

    def trouble(self, image: str) -> str:
        """Say why an image cannot be pulled; empty when it can."""
        return self.missing.get(image, "") or self.outage


class Processes:
    """Knows every process of the estate by its pod."""

    def __init__(self, estate: Estate, *, store: ObjectStore, effects: Effects, registry: Registry) -> None:
        self._workloads = {workload.key: workload for workload in estate.workloads}
        self._store = store
        self._effects = effects
        self._registry = registry

    def workload_of(self, pod: JsonObject) -> Workload | None:
        """Return the scenario's workload that a pod belongs to."""
        meta = pod["metadata"]
        name = meta.get("labels", {}).get("app.kubernetes.io/name", "")
        return self._workloads.get(f"{meta['namespace']}/{name}")

    def image_trouble(self, image: str) -> str:
        """Say why an image cannot be pulled."""
        return self._registry.trouble(image)

    def config_of(self, pod: JsonObject) -> dict[str, str]:
        """Return the environment of the pod's first container."""
        return values_of(self._store, pod)

    def nature(self, pod: JsonObject) -> Nature:
        """Say what the pod's process is like now."""
        workload = self.workload_of(pod)
        if workload is None:
            return Nature()
        effects = [active.effect for active in self._effects.on(workload.key, pod, self.config_of(pod))]
        end = Exit(code=0, after=_JOB_DURATION) if workload.kind is WorkloadKind.JOB else None
        for effect in effects:
            if effect.exit_code is not None:
                end = Exit(code=effect.exit_code, after=effect.exit_after, last_words=effect.last_words)
        unready = next((e.unready for e in effects if e.unready), "") or probe_trouble(pod, workload, "readinessProbe")
        unlive = next((e.unlive for e in effects if e.unlive), "") or probe_trouble(pod, workload, "livenessProbe")
        return Nature(startup=workload.behaviour.startup, exit=end, unready=unready, unlive=unlive)


def probe_trouble(pod: JsonObject, workload: Workload, name: str) -> str:
    """Say why a probe fails although the process is well: wrong port, path or scheme. Empty when it passes."""
    probe = pod["spec"]["containers"][0].get(name)
    if probe is None:
        return ""
    check = probe.get("httpGet") or probe.get("tcpSocket") or {}
    where = f"{pod.get('status', {}).get('podIP', '')}:{check.get('port')}"
    path = check.get("path", "")
    scheme = check.get("scheme", "HTTP")
    url = f"{scheme.lower()}://{where}{path}"
    if check.get("port") not in {workload.port, "http"}:
        refused = f"dial tcp {where}: connect: connection refused"
        return f'Get "{url}": {refused}' if path else refused
    if path and path not in known_paths(workload):
        return "HTTP probe failed with statuscode: 404"
    original = workload.readiness if name == "readinessProbe" else workload.liveness
    if path and original is not None and scheme != original.scheme:
        return f'Get "{url}": http: server gave HTTP response to HTTPS client'
    return ""


def known_paths(workload: Workload) -> set[str]:
    """Return the paths that the process answers to when it is probed."""
    return {probe.path for probe in (workload.readiness, workload.liveness) if probe is not None}
