"""A recorded cluster behind the API server: its objects as they were, its containers' logs, and no controllers.

Kinds that the API server of worlds does not know are left out: nobody could ask for them.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from worlds.cluster.core import Cluster
from worlds.cluster.podmaking import POD
from worlds.kubernetes.answers import bad_request, not_found
from worlds.kubernetes.logs import LogQuery, log_text
from worlds.kubernetes.routes import Target
from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.store import ObjectStore
from worlds.recorded.recording import ContainerLog

# A recorded cluster makes nothing up at random: one seed for all.
_SEED = 0


def recorded_cluster(objects: Iterable[Mapping[str, Any]], *, now: datetime) -> Cluster:
    """Return a cluster that holds copies of these objects and stands still."""
    cluster = Cluster(seed=_SEED, started=now.timestamp())
    for obj in objects:
        try:
            kind = kind_named(obj["kind"])
        except KeyError:
            continue
        cluster.store.restore(kind, copy.deepcopy(dict(obj)))
    return cluster


class RecordedLogs:
    """Answers log requests from what was recorded. A container of which nothing was recorded has an empty log."""

    def __init__(self, store: ObjectStore, logs: Sequence[ContainerLog], *, now: datetime) -> None:
        self._store = store
        self._now = now
        self._lines: dict[tuple[str, str, str, bool], list[tuple[float, str]]] = {}
        for log in logs:
            key = (log.namespace, log.pod, log.container, log.previous)
            self._lines.setdefault(key, []).extend(log.lines)

    def read(self, target: Target, query: LogQuery) -> str:
        """Return the log text. Raises ApiError 400 or 404 in the API server's words."""
        pod = self._store.find(POD, namespace=target.namespace, name=target.name)
        if pod is None:
            raise not_found(POD, target.name)
        name = _container(pod, query.container)
        lines = self._lines.get((target.namespace, target.name, name, query.previous))
        if lines is None:
            _refuse_what_never_ran(pod, name, previous=query.previous)
        return log_text(lines or (), query, now=self._now.astimezone(UTC).timestamp())


def _container(pod: JsonObject, asked: str) -> str:
    spec, name = pod["spec"], pod["metadata"]["name"]
    names = [container["name"] for container in spec.get("containers", ())]
    if not asked and len(names) == 1:
        return str(names[0])
    if not asked:
        raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]")
    if asked not in [*names, *(container["name"] for container in spec.get("initContainers", ()))]:
        raise bad_request(f"container {asked} is not valid for pod {name}")
    return asked


def _refuse_what_never_ran(pod: JsonObject, name: str, *, previous: bool) -> None:
    status, where = pod.get("status", {}), pod["metadata"]["name"]
    shown = [*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ())]
    own = next((one for one in shown if one["name"] == name), None)
    waiting = (own or {}).get("state", {}).get("waiting")
    if previous and not (own or {}).get("lastState", {}).get("terminated"):
        raise bad_request(f'previous terminated container "{name}" in pod "{where}" not found')
    if own is not None and waiting is not None and not own.get("restartCount"):
        raise bad_request(f'container "{name}" in pod "{where}" is waiting to start: {waiting.get("reason", "")}')
