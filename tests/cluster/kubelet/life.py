"""A container's life as the kubelet reports it: states one after the other, with events, log lines and durations. Pure.

The words, the order and the back-off are those of the kubelet of Kubernetes 1.34 (`pkg/kubelet/kuberuntime`,
`pkg/kubelet/images`, `pkg/kubelet/events`), so that what reads them here reads them the same way on a real node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import assert_never

from tests.cluster.kubelet.behaviour import Behaviour, Plan

# kubelet: `backOffPeriod` and `MaxContainerBackOff` (containers), the same numbers for images.
_FIRST_BACK_OFF = 10.0
_LONGEST_BACK_OFF = 300.0
_SYNC_SECONDS = 10.0
_PROBE_SECONDS = 10.0
_CREATE_SECONDS = 1.0
# How long a finished container is seen as terminated before the kubelet gets round to it.
_RELIST_SECONDS = 1.0
_KILLED = 137


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Not running, and why."""

    reason: str
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Running:
    """Running, ready for traffic or not."""

    ready: bool


@dataclass(frozen=True, kw_only=True)
class Terminated:
    """Ended."""

    exit_code: int
    reason: str


State = Waiting | Running | Terminated


@dataclass(frozen=True, kw_only=True)
class Happening:
    """An event that the kubelet records about a container."""

    reason: str
    message: str
    warning: bool = False


@dataclass(frozen=True, kw_only=True)
class Step:
    """A state, what is recorded and logged when it begins, and how long it lasts (seconds of a real kubelet)."""

    state: State
    seconds: float | None
    """`None`: for ever."""
    happenings: tuple[Happening, ...] = ()
    log: tuple[str, ...] = ()


def life(plan: Plan, *, restarts: int) -> Iterator[Step]:
    """One run of a container from its image to its end; `restarts` is how often it has been started before."""
    yield from _image(plan, present=restarts > 0)
    yield Step(
        state=Running(ready=False),
        seconds=min(plan.ready_after_seconds, _until_end(plan)),
        happenings=_started(plan, present=restarts > 0) + _early_probe(plan),
        log=plan.log,
    )
    match plan.behaviour:
        case Behaviour.HEALTHY | Behaviour.SLOW:
            yield Step(state=Running(ready=True), seconds=None)
        case Behaviour.NOT_READY:
            yield from _failing_probe()
        case Behaviour.CRASH:
            yield from _run(plan)
            yield from _end(plan, exit_code=plan.exit_code, reason="Error")
        case Behaviour.OOM:
            yield from _run(plan)
            yield from _end(plan, exit_code=_KILLED, reason="OOMKilled")
        case Behaviour.HUNG:
            yield from _run(plan)
            yield from _hang(plan)
            yield from _end(plan, exit_code=_KILLED, reason="Error")
        case Behaviour.COMPLETE:
            yield from _run(plan)
            yield from _end(plan, exit_code=0, reason="Completed")
        case Behaviour.NO_PULL:
            raise AssertionError("a container without an image does not get this far")
        case _:
            assert_never(plan.behaviour)


def not_created(complaint: str) -> Step:
    """What is seen while something that the container's environment needs is not there."""
    return Step(
        state=Waiting(reason="CreateContainerConfigError", message=complaint),
        seconds=_SYNC_SECONDS,
        happenings=(Happening(reason="Failed", message=f"Error: {complaint}", warning=True),),
    )


def back_off(plan: Plan, *, restarts: int) -> Iterator[Step]:
    """What lies between the end of a run and the next one: nothing the first time, then 10, 20, 40 ... 300 s."""
    seconds = restart_delay(restarts)
    state = Waiting(
        reason="CrashLoopBackOff",
        message=f"back-off {go_duration(seconds)} restarting failed container={plan.container} pod={plan.pod}",
    )
    happening = Happening(
        reason="BackOff",
        message=f"Back-off restarting failed container {plan.container} in pod {plan.pod}",
        warning=True,
    )
    while seconds > 0:
        yield Step(state=state, seconds=min(seconds, _SYNC_SECONDS), happenings=(happening,))
        seconds -= _SYNC_SECONDS


def restart_delay(restarts: int) -> float:
    """Seconds that the kubelet waits before the next start of a container that was restarted this often."""
    return min(_FIRST_BACK_OFF * 2.0 ** (restarts - 1), _LONGEST_BACK_OFF) if restarts > 0 else 0.0


def go_duration(seconds: float) -> str:
    """Whole seconds as Go prints a duration: `40s`, `1m20s`, `5m0s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _until_end(plan: Plan) -> float:
    ends = plan.behaviour in (Behaviour.CRASH, Behaviour.OOM, Behaviour.HUNG, Behaviour.COMPLETE)
    return plan.runs_seconds if ends else float("inf")


def _image(plan: Plan, *, present: bool) -> Iterator[Step]:
    if not present:
        yield Step(state=Waiting(reason="ContainerCreating"), seconds=_CREATE_SECONDS)
    if plan.behaviour is Behaviour.NO_PULL:
        yield from _no_image(plan)


def _no_image(plan: Plan) -> Iterator[Step]:
    why = (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{plan.image}": '
        f'failed to resolve reference "{plan.image}": {plan.image}: not found'
    )
    back_off_message = f'Back-off pulling image "{plan.image}"'
    for attempt in count(1):
        yield Step(
            state=Waiting(reason="ErrImagePull", message=why),
            seconds=_RELIST_SECONDS,
            happenings=(
                Happening(reason="Pulling", message=f'Pulling image "{plan.image}"'),
                Happening(reason="Failed", message=f'Failed to pull image "{plan.image}": {why}', warning=True),
                Happening(reason="Failed", message="Error: ErrImagePull", warning=True),
            ),
        )
        yield Step(
            state=Waiting(reason="ImagePullBackOff", message=f"{back_off_message}: ErrImagePull: {why}"),
            seconds=restart_delay(attempt),
            happenings=(
                Happening(reason="BackOff", message=back_off_message),
                Happening(reason="Failed", message="Error: ImagePullBackOff", warning=True),
            ),
        )


def _started(plan: Plan, *, present: bool) -> tuple[Happening, ...]:
    if present:
        pulled: tuple[Happening, ...] = (
            Happening(reason="Pulled", message=f'Container image "{plan.image}" already present on machine'),
        )
    else:
        took = "1.204s (1.204s including waiting). Image size: 52428800 bytes."
        pulled = (
            Happening(reason="Pulling", message=f'Pulling image "{plan.image}"'),
            Happening(reason="Pulled", message=f'Successfully pulled image "{plan.image}" in {took}'),
        )
    return (
        *pulled,
        Happening(reason="Created", message=f"Created container: {plan.container}"),
        Happening(reason="Started", message=f"Started container {plan.container}"),
    )


_REFUSED = Happening(
    reason="Unhealthy",
    message='Readiness probe failed: Get "http://127.0.0.1:8080/ready": dial tcp 127.0.0.1:8080: connect: connection refused',
    warning=True,
)
_UNAVAILABLE = Happening(
    reason="Unhealthy", message="Readiness probe failed: HTTP probe failed with statuscode: 503", warning=True
)


def _early_probe(plan: Plan) -> tuple[Happening, ...]:
    """A probe that comes while a slow process is not listening yet."""
    slow = plan.behaviour is Behaviour.SLOW and plan.ready_after_seconds > _PROBE_SECONDS
    return (_REFUSED,) if slow and plan.has_readiness_probe else ()


def _failing_probe() -> Iterator[Step]:
    while True:
        yield Step(state=Running(ready=False), seconds=_PROBE_SECONDS, happenings=(_UNAVAILABLE,))


def _hang(plan: Plan) -> Iterator[Step]:
    timeout = (
        'Get "http://127.0.0.1:8080/live": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
    )
    yield Step(
        state=Running(ready=not plan.has_readiness_probe),
        seconds=_RELIST_SECONDS,
        happenings=(
            Happening(reason="Unhealthy", message=f"Liveness probe failed: {timeout}", warning=True),
            Happening(reason="Killing", message=f"Container {plan.container} failed liveness probe, will be restarted"),
        ),
    )


def _run(plan: Plan) -> Iterator[Step]:
    """What is left of the running time. Without a readiness probe a container is ready while it runs, whatever comes."""
    remaining = plan.runs_seconds - plan.ready_after_seconds
    if remaining > 0:
        yield Step(state=Running(ready=not plan.has_readiness_probe), seconds=remaining)


def _end(plan: Plan, *, exit_code: int, reason: str) -> Iterator[Step]:
    yield Step(state=Terminated(exit_code=exit_code, reason=reason), seconds=_RELIST_SECONDS, log=plan.last_words)
