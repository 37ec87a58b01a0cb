"""Volumes that cannot be attached to a node or mounted into a pod."""

import re
from collections.abc import Iterable, Sequence

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenEvent, earliest, events_of, fresh, name, pods_of
from agents.reporting import state
from agents.wording import count, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.event import Events
from tools.kubernetes.pod import Pods

MOUNT_FAILED = FactSpec(
    kind=FactKind("volume.mount_failed"),
    role=FactRole.MECHANISM,
    meaning="A volume cannot be mounted into a pod.",
    attributes={
        "volume": "name of the volume",
        "reason": "missing_configmap, missing_secret, missing_key, driver_missing, filesystem, permission, network, "
        "timeout or other",
        "pods": "pods it happens to",
    },
)
ATTACH_FAILED = FactSpec(
    kind=FactKind("volume.attach_failed"),
    role=FactRole.MECHANISM,
    meaning="A volume cannot be attached to the node of a pod.",
    attributes={
        "volume": "name of the volume",
        "reason": "multi_attach, limit, not_found, zone, permission, timeout or other",
        "pods": "pods it happens to",
    },
)
_VOLUME = re.compile(r'[Vv]olume "(?P<name>[^"]+)"|unmounted volumes=\[(?P<list>[^\]\s,]+)')
_MOUNT: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        ("missing_key", r"references non-existent (?:secret|config) key"),
        ("missing_configmap", r'configmaps? "[^"]+" (?:not found|is forbidden)'),
        ("missing_secret", r'secrets? "[^"]+" (?:not found|is forbidden)'),
        ("driver_missing", r"not found in the list of registered CSI drivers|no volume plugin matched"),
        ("filesystem", r"wrong fs type|fsck|bad superblock|structure needs cleaning|read-only file system|XFS|mkfs"),
        ("permission", r"permission denied|access denied|operation not permitted|not authorized|AccessDenied"),
        ("network", r"connection timed out|no route to host|connection refused|mount\.nfs|stale file handle"),
        ("timeout", r"timed out waiting|deadline exceeded|context canceled"),
    )
)
_ATTACH: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        ("multi_attach", r"Multi-Attach|already (?:exclusively )?attached|already used by pod"),
        ("limit", r"limit|max(?:imum)? (?:number of )?volumes"),
        ("not_found", r"not found|does not exist|could not find"),
        ("zone", r"zone|different (?:region|location)"),
        ("permission", r"permission|unauthori[sz]ed|forbidden|AccessDenied"),
        ("timeout", r"timed out|deadline exceeded"),
    )
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload, volume and reason, of pods that do not run yet."""
    waiting = {one.pod.meta.entity for one in pods_of(sightings) if one.pod.phase == "Pending"}
    groups: dict[tuple[EntityId, str, str, bool], list[SeenEvent]] = {}
    for one in events_of(sightings, "FailedMount", "FailedAttachVolume", "FailedMapVolume"):
        if one.workload is None or one.pod not in waiting or not fresh(one.event.last, scene):
            continue
        attach = one.event.reason == "FailedAttachVolume"
        reason = _first(_ATTACH if attach else _MOUNT, one.event.message)
        groups.setdefault((one.workload, _volume(one.event.message), reason, attach), []).append(one)
    for (workload, volume, reason, attach), events in _without_echoes(groups):
        yield _fact(workload, volume, reason, events, attach=attach, scene=scene)


def _first(classes: Iterable[tuple[str, re.Pattern[str]]], message: str) -> str:
    return next((reason for reason, pattern in classes if pattern.search(message)), "other")


def _volume(message: str) -> str:
    match = _VOLUME.search(message)
    return (match["name"] or match["list"]) if match else ""


def _without_echoes(
    groups: dict[tuple[EntityId, str, str, bool], list[SeenEvent]],
) -> list[tuple[tuple[EntityId, str, str, bool], list[SeenEvent]]]:
    """Without the kubelet's general time-out where a precise reason is known for the workload."""
    precise = {key[0] for key in groups if key[2] not in {"timeout", "other"}}
    return [(key, events) for key, events in groups.items() if key[0] not in precise or key[2] != "timeout"]


def _fact(
    workload: EntityId, volume: str, reason: str, events: Sequence[SeenEvent], *, attach: bool, scene: Scene
) -> Fact:
    at = earliest(one.event.first for one in events)
    pods = dict.fromkeys(one.pod for one in events if one.pod)
    verb = "attached" if attach else "mounted"
    what = f"volume {volume}" if volume else "a volume"
    return state(
        ATTACH_FAILED if attach else MOUNT_FAILED,
        entity=workload,
        text=f"{what} of {name(workload)} cannot be {verb} for {count(len(pods), 'pod')}: {reason.replace('_', ' ')}"
        f"{since(at, now=scene.now)}",
        seen=[one.seen for one in events],
        at=at,
        related=pods,
        detector=DETECTOR.name,
        volume=volume or None,
        reason=reason,
        pods=len(pods),
    )


DETECTOR = Detector(name="kubernetes.mounts", emits=(MOUNT_FAILED, ATTACH_FAILED), needs=(Events, Pods), detect=detect)
