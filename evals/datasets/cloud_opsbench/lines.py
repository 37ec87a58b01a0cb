"""Log lines out of error summaries: one sample line per pattern with the number of times that it was seen.

When is not recorded of most lines: they are spread evenly over the life of the pod that wrote them.
"""

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from evals.datasets.cloud_opsbench.cache import Cache
from worlds.loki.storage import Entry
from worlds.objects.kinds import JsonObject
from worlds.recorded.recording import ContainerLog

_LONGEST_LIFE = 600.0
"""Seconds before the end of the recording over which lines are spread at most: summaries cover minutes."""
_MOST_COPIES = 60
"""Lines of one pattern that are written out: enough to see that it repeats."""
_STAMP = re.compile(r"^(?P<at>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2}))\s+")
_NANO = 1e9


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """A line as it was sampled, and how often lines like it were seen."""

    service: str
    namespace: str
    line: str
    count: int


def read_patterns(cache: Cache) -> Iterator[Pattern]:
    """All patterns of all services."""
    for answer in cache.by("GetErrorLogs"):
        for one in _summary(answer.text).get("patterns", ()):
            line = str(one.get("sample") or one.get("pattern") or "").strip()
            if not line:
                continue
            yield Pattern(
                service=answer.arguments.get("service_name", ""),
                namespace=answer.namespace,
                line=line,
                count=int(one.get("count") or 1),
            )


def _summary(text: str) -> JsonObject:
    """Summaries are printed as JSON, or as Python prints a mapping."""
    for reader in (json.loads, ast.literal_eval):
        try:
            found = reader(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    return {}


def read_lines(cache: Cache, pods: Sequence[JsonObject], *, now: datetime) -> tuple[list[ContainerLog], list[Entry]]:
    """The same lines as container logs and as Loki has them."""
    restarted = {
        (pod["metadata"]["name"], status["name"])
        for pod in pods
        for status in pod["status"].get("containerStatuses", ())
        if status.get("restartCount")
    }
    kept: dict[tuple[str, str, str], list[tuple[float, str]]] = {}
    entries: list[Entry] = []
    for pattern in read_patterns(cache):
        pod = next(
            (one for one in pods if one["metadata"]["namespace"] == pattern.namespace and _wrote(one, pattern)), None
        )
        if pod is None:
            continue
        container = pod["spec"]["containers"][0]["name"] if pod["spec"].get("containers") else pattern.service
        name = pod["metadata"]["name"]
        labels = {"namespace": pattern.namespace, "pod": name, "container": container, "app": pattern.service}
        for at, line in _spread(pattern, begun=_begun(pod, now=now), end=now.timestamp()):
            kept.setdefault((pattern.namespace, name, container), []).append((at, line))
            entries.append(Entry(labels=labels, ns=int(at * _NANO), line=line))
    # What a restarting container wrote was gathered over all of its runs: the last one and the one before.
    logs = [
        ContainerLog(namespace=space, pod=pod, container=container, lines=sorted(lines), previous=previous)
        for (space, pod, container), lines in kept.items()
        for previous in (False, True)
        if not previous or (pod, container) in restarted
    ]
    return logs, entries


def _wrote(pod: JsonObject, pattern: Pattern) -> bool:
    labels = pod["metadata"].get("labels") or {}
    name = pod["metadata"]["name"]
    return pattern.service in labels.values() or name.startswith(f"{pattern.service}-")


def _begun(pod: JsonObject, *, now: datetime) -> float:
    created = pod["status"].get("startTime") or pod["metadata"].get("creationTimestamp")
    start = datetime.fromisoformat(created).timestamp() if created else 0.0
    return min(max(start, now.timestamp() - _LONGEST_LIFE), now.timestamp() - 1.0)


def _spread(pattern: Pattern, *, begun: float, end: float) -> Iterator[tuple[float, str]]:
    stamped = _STAMP.match(pattern.line)
    line = pattern.line[stamped.end() :] if stamped else pattern.line
    first = datetime.fromisoformat(stamped["at"]).astimezone(UTC).timestamp() if stamped else begun
    first = first if begun <= first < end else begun
    copies = min(pattern.count, _MOST_COPIES)
    for number in range(copies):
        yield first + (end - first) * number / copies, line
