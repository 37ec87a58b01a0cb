"""Containers that cannot be created because something of their configuration is missing or not allowed."""

import re
from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenContainer
from agents.kubernetes.troubled import Trouble, troubled
from agents.reporting import state
from agents.wording import since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from incidents.value import Value
from tools.kubernetes.pod import Pods

CREATE_CONFIG_ERROR = FactSpec(
    kind=FactKind("container.create_config_error"),
    role=FactRole.MECHANISM,
    meaning="A container cannot be created because its configuration names something that is missing or not allowed.",
    attributes={
        "container": "name of the container",
        "missing_kind": "configmap or secret; absent when nothing is missing",
        "missing_name": "name of what is missing, or of what lacks the key",
        "missing_key": "the key that is missing",
        "reason": "missing, run_as_root, not_synced or other",
        "pods": "pods it happens in",
        "total_pods": "pods of the workload",
    },
)
_OBJECT = re.compile(r"(?P<kind>configmap|secret)s? \"(?P<name>[^\"]+)\" not found", re.IGNORECASE)
_KEY = re.compile(r"couldn't find key (?P<key>\S+) in (?P<kind>ConfigMap|Secret) (?:[^/\s]+/)?(?P<name>[^\s,]+)")
_ROOT = re.compile(r"runAsNonRoot", re.IGNORECASE)
_UNSYNCED = re.compile(r"failed to sync (configmap|secret) cache|services have not yet been read", re.IGNORECASE)


class Missing(Value):
    """What a message says is wrong."""

    reason: str
    kind: str | None = None
    name: str | None = None
    key: str | None = None

    @property
    def text(self) -> str:
        """For people."""
        if self.kind is None:
            return {
                "run_as_root": "the image runs as root and the pod must not",
                "not_synced": "the kubelet could not read its configuration yet",
            }.get(self.reason, "its configuration is refused")
        return (
            f"{self.kind} {self.name} has no key {self.key}" if self.key else f"{self.kind} {self.name} does not exist"
        )


def read_missing(message: str) -> Missing:
    """What the kubelet says is missing."""
    if match := _KEY.search(message):
        return Missing(reason="missing", kind=match["kind"].lower(), name=match["name"], key=match["key"])
    if match := _OBJECT.search(message):
        return Missing(reason="missing", kind=match["kind"].lower(), name=match["name"])
    if _ROOT.search(message):
        return Missing(reason="run_as_root")
    return Missing(reason="not_synced" if _UNSYNCED.search(message) else "other")


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per container of a workload."""
    for trouble in troubled(sightings, _waits):
        yield _fact(trouble, scene)


def _waits(one: SeenContainer) -> bool:
    return one.status.waiting_reason == "CreateContainerConfigError"


def _fact(trouble: Trouble, scene: Scene) -> Fact:
    message = next((one.status.state.message for one in trouble.hit if one.status.state), "")
    missing = read_missing(message)
    at = min((one.pod.started for one in trouble.hit if one.pod.started), default=None)
    return state(
        CREATE_CONFIG_ERROR,
        entity=trouble.workload,
        text=f"{trouble.who} cannot be created in {trouble.where}: {missing.text}{since(at, now=scene.now)}",
        seen=trouble.seen,
        at=at,
        related=trouble.pods,
        detector=DETECTOR.name,
        container=trouble.container,
        missing_kind=missing.kind,
        missing_name=missing.name,
        missing_key=missing.key,
        reason=missing.reason,
        pods=len(trouble.hit),
        total_pods=trouble.total,
    )


DETECTOR = Detector(name="kubernetes.create_config_error", emits=(CREATE_CONFIG_ERROR,), needs=(Pods,), detect=detect)
