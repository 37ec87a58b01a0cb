"""What containers wrote: tails of the present run and of the run before the last restart, redacted and bounded."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import Field

from incidents.canonical import utc
from incidents.evidence import Source
from incidents.value import Value
from tools.errors import ForbiddenError, ToolError, TransientError
from tools.estate import Cluster
from tools.kubernetes.log import ContainerLog, LogLine, Logs
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel
from tools.kubernetes.pod import ContainerStatus, Pod, StateKind
from tools.kubernetes.probes import pods as pods_probe
from tools.kubernetes.scope import Found, Where, client_of
from tools.kubernetes.secrecy import without_secrets
from tools.probe import Observation, Probe

MAX_PODS = 3
"""Pods whose logs are read in one question, those in trouble first: the others of a workload say the same."""
MAX_LINE = 600
"""Characters of one line."""
MAX_TOTAL = 48 * 1024
"""Characters of all logs of one answer, shared equally."""


class LogsWanted(Where):
    """Which logs. The entity is a workload or a pod."""

    container: str | None = None
    """Only this one; else all containers."""
    previous: bool | None = None
    """Only the previous (True) or the present (False) run; None: both where there was a restart."""
    tail_lines: int = Field(default=120, ge=1, le=1000)
    since_seconds: int | None = Field(default=None, ge=1)


class _Run(Value):
    """One run of one container whose log is to be read."""

    pod: Pod
    container: str
    previous: bool

    @property
    def path(self) -> str:
        """Where its log is."""
        return f"/api/v1/namespaces/{self.pod.meta.namespace}/pods/{self.pod.meta.name}/log"


async def run(cluster: Cluster, wanted: LogsWanted) -> Observation[Logs]:
    """Read the logs. Raises ToolError when none of them could be read for lack of permission or connection."""
    seen = await pods_probe.run(cluster, Where(namespace=wanted.namespace, entity=wanted.entity))
    runs = list(_runs(seen.view.pods, wanted))
    async with parallel() as group:
        tasks = [group.create_task(_read(cluster, one, wanted)) for one in runs]
    answers = [task.result() for task in tasks]
    errors = [answer for answer in answers if isinstance(answer, ToolError)]
    refused = [error for error in errors if isinstance(error, ForbiddenError | TransientError)]
    if refused and len(errors) == len(answers):
        raise refused[0]
    share = MAX_TOTAL // max(1, len(answers) - len(errors))
    logs = [_bounded(answer, share) for answer in answers if isinstance(answer, ContainerLog)]
    missing = tuple(
        f"{one.pod.meta.name}/{one.container}{' (previous)' if one.previous else ''}: {answer}"
        for one, answer in zip(runs, answers, strict=True)
        if isinstance(answer, ToolError)
    )
    return observed(
        cluster,
        Logs(logs=tuple(logs), unavailable=missing),
        probe=PROBE.name,
        title="logs",
        where=wanted,
        found=[Found(items=(), requests=tuple(_request(one, wanted) for one in runs) or (seen.evidence.query,))],
        entities=dict.fromkeys(log.workload for log in logs),
        cut="; ".join(log.cut for log in logs if log.cut) or None,
    )


def _runs(pods: Iterable[Pod], wanted: LogsWanted) -> Iterable[_Run]:
    worst_first = sorted(pods, key=lambda pod: (-_trouble(pod), pod.meta.name))
    for pod in worst_first[:MAX_PODS]:
        for status in (*pod.init_containers, *pod.containers):
            if wanted.container not in (None, status.name) or not _worth(status):
                continue
            if wanted.previous is not True and status.state is not None and status.state.kind is not StateKind.WAITING:
                yield _Run(pod=pod, container=status.name, previous=False)
            if wanted.previous is not False and (status.restarts or status.last):
                yield _Run(pod=pod, container=status.name, previous=True)


def _trouble(pod: Pod) -> int:
    restarts = sum(status.restarts for status in (*pod.containers, *pod.init_containers))
    return restarts + (0 if pod.ready else 1000)


def _worth(status: ContainerStatus) -> bool:
    """Init containers that did their work have nothing to say about what is wrong now."""
    done = status.state is not None and status.state.exit_code == 0
    return not (status.init and done and not status.restarts)


async def _read(cluster: Cluster, one: _Run, wanted: LogsWanted) -> ContainerLog | ToolError:
    try:
        text = await client_of(cluster).logs(
            one.pod.meta.namespace or "",
            one.pod.meta.name,
            container=one.container,
            previous=one.previous,
            tail_lines=wanted.tail_lines,
            since_seconds=wanted.since_seconds,
        )
    except ToolError as error:
        return error
    return ContainerLog(
        pod=one.pod.meta.entity,
        workload=one.pod.workload,
        container=one.container,
        previous=one.previous,
        lines=tuple(_line(line) for line in text.splitlines() if line.strip()),
    )


def _line(text: str) -> LogLine:
    """A line with the runtime's timestamp in front, as `timestamps=true` gives it."""
    stamp, _, rest = text.partition(" ")
    at = _moment(stamp)
    return LogLine(at=at, text=without_secrets((rest if at else text)[: 2 * MAX_LINE])[:MAX_LINE])


def _moment(stamp: str) -> datetime | None:
    try:
        return utc(datetime.fromisoformat(stamp)) if "T" in stamp else None
    except ValueError:
        return None


def _bounded(log: ContainerLog, most: int) -> ContainerLog:
    """The newest lines within `most` characters."""
    kept: list[LogLine] = []
    size = 0
    for line in reversed(log.lines):
        size += len(line.text) + 30
        if size > most and kept:
            break
        kept.append(line)
    if len(kept) == len(log.lines):
        return log
    cut = f"kept the last {len(kept)} of {len(log.lines)} lines of {log.container}"
    return log.model_copy(update={"lines": tuple(reversed(kept)), "cut": cut})


def _request(one: _Run, wanted: LogsWanted) -> str:
    previous = "&previous=true" if one.previous else ""
    since = f"&sinceSeconds={wanted.since_seconds}" if wanted.since_seconds else ""
    return f"GET {one.path}?container={one.container}&timestamps=true&tailLines={wanted.tail_lines}{previous}{since}"


PROBE = Probe(
    name="kubernetes.logs",
    source=Source.KUBERNETES,
    describe="Tails of container logs of a workload or pod: the present run, and the run before the last restart, "
    "which says why it ended. Ask after pods and events when the exit code alone does not tell.",
    args=LogsWanted,
    view=Logs,
    run=run,
)
