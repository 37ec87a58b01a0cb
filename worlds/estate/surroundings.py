"""What a kubelet gets to know about a process: from the scenario, the pod's spec and the effects in force."""

from collections.abc import Sequence

from worlds.cluster.nature import Exit, Nature
from worlds.cluster.references import missing_pull_secrets, values_of
from worlds.estate.effects import Effects
from worlds.estate.registry import Registry
from worlds.objects.kinds import JsonObject
from worlds.objects.store import ObjectStore
from worlds.scenario.effect import Effect
from worlds.scenario.estate import Estate
from worlds.scenario.workload import Workload, WorkloadKind

_JOB_DURATION = 45.0
_INIT_DURATION = 2.0
# A process looks at its configuration and its data about a third of the way into its start.
_NOTICES_AT = 0.35
_IN_EVERY_IMAGE = {"sh", "bash", "true", "false", "sleep", "echo"}


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

    def image_trouble(self, image: str, pod: JsonObject) -> str:
        """Say why an image cannot be pulled for a pod."""
        return self._registry.trouble(image, anonymous=not self._has_pull_secret(pod))

    def init_end(self, pod: JsonObject, container: str) -> Exit:
        """Say how an init container ends: well after two seconds, unless a program or an effect says otherwise."""
        spec = next(c for c in pod["spec"]["initContainers"] if c["name"] == container)
        end = program_end(spec.get("command", ())) or Exit(code=0, after=_INIT_DURATION)
        for effect in self._effects_on(pod):
            if effect.container == container and effect.exit_code is not None:
                end = Exit(code=effect.exit_code, after=effect.exit_after, last_words=effect.last_words)
        return end

    def start_trouble(self, pod: JsonObject, container: str) -> str:
        """Say why a container's process cannot be started."""
        workload = self.workload_of(pod)
        main = pod["spec"]["containers"][0]
        if workload is None or main["name"] != container:
            return ""
        return unknown_program(main.get("command", ()), known=workload.command)

    def config_of(self, pod: JsonObject) -> dict[str, str]:
        """Return the environment of the pod's first container."""
        return values_of(self._store, pod)

    def nature(self, pod: JsonObject) -> Nature:
        """Say what the pod's process is like now."""
        workload = self.workload_of(pod)
        if workload is None:
            return Nature()
        effects = self._effects_on(pod)
        end = self._own_end(pod, workload)
        for effect in effects:
            if effect.exit_code is not None and not effect.container:
                end = Exit(code=effect.exit_code, after=effect.exit_after, last_words=effect.last_words)
        unready = next((e.unready for e in effects if e.unready), "") or probe_trouble(pod, workload, "readinessProbe")
        unlive = next((e.unlive for e in effects if e.unlive), "") or probe_trouble(pod, workload, "livenessProbe")
        unstarted = probe_trouble(pod, workload, "startupProbe")
        startup = workload.behaviour.startup + sum(effect.startup for effect in effects)
        return Nature(startup=startup, exit=end, unready=unready, unlive=unlive, unstarted=unstarted)

    def _own_end(self, pod: JsonObject, workload: Workload) -> Exit | None:
        """Return how the process ends by itself, because of what it is or of what it was not given."""
        end = Exit(code=0, after=_JOB_DURATION) if workload.kind is WorkloadKind.JOB else None
        end = program_end(pod["spec"]["containers"][0].get("command", ())) or end
        soon = workload.behaviour.startup * _NOTICES_AT
        environment = self.config_of(pod)
        for name in workload.needs:
            if not environment.get(name):
                return Exit(code=1, after=soon, last_words=(needs_words(workload, name),))
        denied = volume_denied(pod, workload)
        return Exit(code=1, after=soon, last_words=(denied,)) if denied else end

    def _effects_on(self, pod: JsonObject) -> list[Effect]:
        workload = self.workload_of(pod)
        if workload is None:
            return []
        return [active.effect for active in self._effects.on(workload.key, pod, self.config_of(pod))]

    def _has_pull_secret(self, pod: JsonObject) -> bool:
        named = [entry["name"] for entry in pod["spec"].get("imagePullSecrets", [])]
        return len(missing_pull_secrets(self._store, pod)) < len(named)


def needs_words(workload: Workload, name: str) -> str:
    """Return what a process says that misses a variable."""
    match workload.language:
        case "python":
            return f"KeyError: '{name}'"
        case "java":
            return f"Could not resolve placeholder '{name}' in value \"${{{name}}}\""
        case _:
            return f"fatal: required environment variable {name} is not set"


def volume_denied(pod: JsonObject, workload: Workload) -> str:
    """Return what a process says that may not write to its volume; empty when it may."""
    volume = workload.volume
    if volume is None or volume.owner is None:
        return ""
    context = pod["spec"].get("securityContext", {})
    if volume.owner in {context.get("fsGroup"), context.get("runAsUser")}:
        return ""
    return f"could not open {volume.mount}/LOCK: Permission denied"


def program_end(command: Sequence[str]) -> Exit | None:
    """Return how a well-known program ends by itself; None for one that runs on."""
    words = list(command)
    if words[:1] and words[0].rpartition("/")[2] in {"sh", "bash"} and words[1:2] == ["-c"]:
        words = words[2].split() if len(words) > 2 else []  # noqa: PLR2004 - sh -c TEXT
    match [words[0].rpartition("/")[2], *words[1:]] if words else []:
        case ["true", *_] | ["echo", *_]:
            return Exit(code=0, after=0.2)
        case ["false", *_]:
            return Exit(code=1, after=0.2)
        case ["exit", code]:
            return Exit(code=int(code), after=0.2)
        case ["sleep", seconds] if seconds.isdigit():
            return Exit(code=0, after=float(seconds))
        case _:
            return None


def unknown_program(command: Sequence[str], *, known: Sequence[str]) -> str:
    """Return runc's words about a program that is not in the image; empty when it is, or when none is named."""
    program = command[0] if command else ""
    if not program or program in known[:1] or program.rpartition("/")[2] in _IN_EVERY_IMAGE:
        return ""
    why = f"stat {program}: no such file or directory" if "/" in program else "executable file not found in $PATH"
    return (
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
        f'unable to start container process: error during container init: exec: "{program}": {why}'
    )


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
    if check.get("port") not in {workload.port, *_named_ports(pod)}:
        refused = f"dial tcp {where}: connect: connection refused"
        return f'Get "{url}": {refused}' if path else refused
    if path and path not in known_paths(workload):
        return "HTTP probe failed with statuscode: 404"
    original = workload.liveness if name == "livenessProbe" else workload.readiness
    if path and original is not None and scheme != original.scheme:
        return f'Get "{url}": http: server gave HTTP response to HTTPS client'
    return ""


def _named_ports(pod: JsonObject) -> set[str]:
    return {port.get("name", "") for port in pod["spec"]["containers"][0].get("ports", [])} - {""}


def known_paths(workload: Workload) -> set[str]:
    """Return the paths that the process answers to when it is probed."""
    return {probe.path for probe in (workload.readiness, workload.liveness) if probe is not None}
