"""Events, from lists and from descriptions: the same event seen twice is one, with its first and last sighting."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.identity import uid_of
from evals.datasets.cloud_opsbench.moments import read_age, stamp
from evals.datasets.cloud_opsbench.tables import read_rows
from worlds.objects.kinds import JsonObject

_LINE = re.compile(
    r"^(?:(?P<space>\S+)\s{2,})?(?P<seen>\S+(?: \(x\d+ over \w+\))?)\s+(?P<type>Normal|Warning)\s+(?P<reason>\S+)"
    r"\s+(?P<kind>[\w.]+)/(?P<name>\S+)(?:\s+(?P<message>.*))?$"
)
_SEEN = re.compile(r"(?P<last>\w+)(?: \(x(?P<count>\d+) over (?P<first>\w+)\))?$")
_KINDS = {
    "pods": "Pod",
    "deployments": "Deployment",
    "replicasets": "ReplicaSet",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "services": "Service",
    "endpoints": "Endpoints",
    "nodes": "Node",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "persistentvolumes": "PersistentVolume",
    "jobs": "Job",
}
_BY_WORD = {
    kind.lower(): kind for kind in (*_KINDS.values(), "Lease", "CronJob", "HorizontalPodAutoscaler", "Namespace")
}
_NODES_SPACE = "default"
_SAME = 6.0
"""Seconds that two sightings of one event may lie apart: ages are cut to seconds, moments are estimates."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    kind: str
    namespace: str
    name: str
    type: str
    reason: str
    message: str
    first: datetime
    last: datetime
    count: int
    component: str


def read_events(cache: Cache) -> Iterator[JsonObject]:
    """All events, each once."""
    known: dict[tuple[str, ...], list[_Seen]] = {}
    for one in (*_described(cache), *_listed(cache)):
        same = known.setdefault((one.kind, one.namespace, one.name, one.reason, one.message), [])
        place = next((n for n, other in enumerate(same) if _is_same(one, other)), None)
        if place is None:
            same.append(one)
        else:
            same[place] = _merged(same[place], one)
    every = [one for same in known.values() for one in same]
    for number, one in enumerate(sorted(every, key=lambda seen: (seen.last, seen.name, seen.reason))):
        yield _event(one, number)


def _is_same(one: _Seen, other: _Seen) -> bool:
    """Descriptions and lists show the same events: those that overlap, or nearly."""
    gap = max((one.first - other.last).total_seconds(), (other.first - one.last).total_seconds())
    return gap <= _SAME


def _merged(one: _Seen, other: _Seen) -> _Seen:
    return replace(
        one,
        first=min(one.first, other.first),
        last=max(one.last, other.last),
        count=max(one.count, other.count),
        component=one.component or other.component,
    )


def _described(cache: Cache) -> Iterator[_Seen]:
    for (resource, namespace, name), found in cache.described.items():
        if resource not in _KINDS:
            continue
        asked = cache.moments.of(found.place)
        for row in read_rows(found.outline.rows("Events")):
            seen = _SEEN.match(row.get("Age", ""))
            times = _times(seen, asked) if seen else None
            if times is None or not row.get("Reason"):
                continue
            yield _Seen(
                kind=_KINDS[resource],
                namespace=namespace if resource != "nodes" else "",
                name=name,
                type=row.get("Type", ""),
                reason=row["Reason"],
                message=row.get("Message", ""),
                first=times[0],
                last=times[1],
                count=int(seen["count"] or 1) if seen else 1,
                component=row.get("From", "").partition(",")[0],
            )


def _listed(cache: Cache) -> Iterator[_Seen]:
    for answer in cache.by("GetResources"):
        if answer.resource != "events":
            continue
        asked = cache.moments.of(answer.place)
        for line in answer.text.splitlines():
            match = _LINE.match(line)
            seen = _SEEN.match(match["seen"]) if match else None
            times = _times(seen, asked) if seen else None
            if match is None or seen is None or times is None:
                continue
            kind = _BY_WORD.get(match["kind"].lower(), match["kind"].capitalize())
            yield _Seen(
                kind=kind,
                namespace="" if kind == "Node" else match["space"] or answer.namespace,
                name=match["name"],
                type=match["type"],
                reason=match["reason"],
                message=(match["message"] or "").strip(),
                first=times[0],
                last=times[1],
                count=int(seen["count"] or 1),
                component="",
            )


def _times(seen: "re.Match[str]", asked: datetime) -> tuple[datetime, datetime] | None:
    last = read_age(seen["last"])
    if last is None:
        return None
    first = read_age(seen["first"]) if seen["first"] else None
    return asked - (first if first is not None else last), asked - last


def _event(one: _Seen, number: int) -> JsonObject:
    about: JsonObject = {"kind": one.kind, "name": one.name, "uid": uid_of(one.kind, one.namespace, one.name)}
    if one.namespace:
        about["namespace"] = one.namespace
    space = one.namespace or _NODES_SPACE
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{one.name}.{number:x}",
            "namespace": space,
            "uid": f"event:{number}",
            "creationTimestamp": stamp(one.first),
        },
        "involvedObject": about,
        "type": one.type,
        "reason": one.reason,
        "message": one.message,
        "firstTimestamp": stamp(one.first),
        "lastTimestamp": stamp(one.last),
        "count": one.count,
        "source": {"component": one.component},
    }
