"""Container logs through the API server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from worlds.cluster.kubelet import Kubelets
from worlds.cluster.podmaking import POD
from worlds.cluster.runtime import ContainerRuntime, PodRuntime
from worlds.kubernetes.answers import ApiError, bad_request, not_found
from worlds.kubernetes.routes import Target
from worlds.objects.store import ObjectStore


@dataclass(frozen=True, kw_only=True)
class LogQuery:
    """What a log request asks for. Times are unix seconds."""

    container: str = ""
    previous: bool = False
    tail: int | None = None
    since: float | None = None
    since_seconds: float | None = None
    timestamps: bool = False
    limit_bytes: int | None = None

    @classmethod
    def parse(cls, parameters: Mapping[str, str]) -> "LogQuery":
        """Read the query parameters. Raises ApiError 400."""
        try:
            since = parameters.get("sinceTime")
            return cls(
                container=parameters.get("container", ""),
                previous=parameters.get("previous", "").lower() == "true",
                tail=int(parameters["tailLines"]) if "tailLines" in parameters else None,
                since=datetime.fromisoformat(since).timestamp() if since else None,
                since_seconds=float(parameters["sinceSeconds"]) if "sinceSeconds" in parameters else None,
                timestamps=parameters.get("timestamps", "").lower() == "true",
                limit_bytes=int(parameters["limitBytes"]) if "limitBytes" in parameters else None,
            )
        except ValueError as error:
            raise bad_request(f"invalid log options: {error}") from error


class LogSource(Protocol):
    """Lines of one instance of a pod's first container: (unix seconds, text), oldest first."""

    def instance_lines(
        self, uid: str, instance: int, *, start: float, last: int | None = None
    ) -> Sequence[tuple[float, str]]:
        """Return the lines since `start`, of which the `last` so many suffice."""
        ...


class ContainerLogs:
    """Finds the container and the instance that a request means."""

    def __init__(self, store: ObjectStore, kubelets: Kubelets, source: LogSource, *, now: "Now") -> None:
        self._store = store
        self._kubelets = kubelets
        self._source = source
        self._now = now

    def read(self, target: Target, query: LogQuery) -> str:
        """Return the log text. Raises ApiError 400 or 404."""
        pod = self._store.find(POD, namespace=target.namespace, name=target.name)
        if pod is None:
            raise not_found(POD, target.name)
        names = [container["name"] for container in pod["spec"]["containers"]]
        inits = [container["name"] for container in pod["spec"].get("initContainers", [])]
        if not query.container and len(names) > 1:
            raise bad_request(
                f"a container name must be specified for pod {target.name}, choose one of: [{' '.join(names)}]"
            )
        name = query.container or names[0]
        if name not in [*names, *inits]:
            raise bad_request(f"container {name} is not valid for pod {target.name}")
        runtime = self._kubelets.pods.get(pod["metadata"]["uid"])
        if runtime is None or self._kubelets.is_down(runtime.node):
            address = pod.get("status", {}).get("hostIP", "")
            raise ApiError(
                500,
                "InternalError",
                f'Get "https://{address}:10250/containerLogs": dial tcp {address}:10250: connect: no route to host',
            )
        container = next(c for c in runtime.every if c.name == name)
        if container is not runtime.main and container not in runtime.inits:
            return ""
        return self._text(runtime, container, query, pod_name=target.name)

    def _text(self, runtime: PodRuntime, container: ContainerRuntime, query: LogQuery, *, pod_name: str) -> str:
        running = container.stage == "running"
        latest = container.instance
        if not latest:
            raise bad_request(
                f'container "{container.name}" in pod "{pod_name}" is waiting to start: {container.reason}'
            )
        instance = latest - 1 if query.previous and (running or container.ended) else latest
        if instance < 1 or (query.previous and not container.restarts):
            raise bad_request(f'previous terminated container "{container.name}" in pod "{pod_name}" not found')
        start, now = _start(query, now=self._now()), self._now()
        if container in runtime.inits:
            said = [(at, text) for number, at, text in container.words if number == instance and start <= at <= now]
            return log_text(said, query, now=now)
        last = query.tail if query.tail is not None and query.tail >= 0 else None
        return log_text(self._source.instance_lines(runtime.uid, instance, start=start, last=last), query, now=now)


def log_text(lines: Sequence[tuple[float, str]], query: LogQuery, *, now: float) -> str:
    """Return lines (unix seconds, text; oldest first) as the API server sends them, cut as the query asks."""
    start = _start(query, now=now)
    kept = [(at, line) for at, line in lines if at >= start]
    if query.tail is not None:
        kept = kept[-query.tail :] if query.tail else []
    text = "".join(f"{_stamp(at)} {line}\n" if query.timestamps else f"{line}\n" for at, line in kept)
    return text if query.limit_bytes is None else text.encode()[: query.limit_bytes].decode(errors="ignore")


def _start(query: LogQuery, *, now: float) -> float:
    if query.since_seconds is not None:
        return now - query.since_seconds
    return query.since if query.since is not None else 0.0


class Now(Protocol):
    """Reads the virtual time in unix seconds."""

    def __call__(self) -> float:
        """Return it."""
        ...


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"
