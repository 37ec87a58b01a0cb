"""Containers that ended by themselves: with an error, or with success where they were meant to run for ever."""

import re
from collections import Counter
from collections.abc import Collection, Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.exit_codes import meaning_of, stopped_by_kubelet
from agents.kubernetes.sighted import SeenContainer, events_of, fresh
from agents.kubernetes.troubled import Trouble, troubled
from agents.reporting import state
from agents.wording import count, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.pod import Pods

EXITED_ERROR = FactSpec(
    kind=FactKind("container.exited_error"),
    role=FactRole.MECHANISM,
    meaning="A container ended with an error code, and not for lack of memory.",
    attributes={
        "container": "name of the container",
        "exit_code": "how it ended most often",
        "reason": "what the runtime calls it: Error, ContainerCannotRun...",
        "count": "restarts over the pods it happens in",
        "signal": "name of the signal, for codes above 128",
        "pods": "pods it happens in",
    },
)
EXITED_OK_RESTARTING = FactSpec(
    kind=FactKind("container.exited_ok_restarting"),
    role=FactRole.MECHANISM,
    meaning="A container that is to run for ever ends with success and is restarted again and again.",
    attributes={"container": "name of the container", "count": "restarts over the pods it happens in"},
)

_KILLED = re.compile(r"Container (?P<container>\S+) failed (?:liveness|startup) probe")


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """At most one fact of each kind per container of a workload."""
    killed = _killed(sightings)
    for trouble in troubled(sightings, lambda one: _failed(one, scene, killed=killed), init=False):
        yield _error(trouble, scene)
    for trouble in troubled(sightings, lambda one: _completed(one, scene), init=False):
        yield state(
            EXITED_OK_RESTARTING,
            entity=trouble.workload,
            text=f"{trouble.who} ends with exit code 0 in {trouble.where} and is restarted, "
            f"{count(trouble.restarts, 'time')}{since(trouble.ended, now=scene.now)}",
            seen=trouble.seen,
            at=trouble.ended,
            related=trouble.pods,
            detector=DETECTOR.name,
            container=trouble.container,
            count=trouble.restarts,
        )


def _killed(sightings: Sightings) -> set[tuple[EntityId, str]]:
    """Pods and containers that the kubelet killed for a probe: how they ended then says nothing of the process."""
    found = ((one.pod, _KILLED.match(one.event.message)) for one in events_of(sightings, "Killing"))
    return {(pod, match["container"]) for pod, match in found if pod is not None and match is not None}


def _failed(one: SeenContainer, scene: Scene, *, killed: Collection[tuple[EntityId, str]]) -> bool:
    ended = one.status.ended
    if ended is None or ended.oom_killed or not ended.exit_code or not fresh(ended.finished, scene):
        return False
    if one.pod.meta.deleted is not None:
        return False
    stopped = one.status.ready or (one.pod.meta.entity, one.status.name) in killed
    return not (stopped_by_kubelet(ended.exit_code) and stopped)


def _completed(one: SeenContainer, scene: Scene) -> bool:
    ended = one.status.ended
    if one.pod.spec.restart_policy != "Always" or ended is None or ended.exit_code != 0:
        return False
    return one.status.restarts > 0 and not one.status.ready and fresh(ended.finished, scene)


def _error(trouble: Trouble, scene: Scene) -> Fact:
    ends = [one.status.ended for one in trouble.hit if one.status.ended and one.status.ended.exit_code is not None]
    code, reason = Counter((end.exit_code or 0, end.reason) for end in ends).most_common(1)[0][0]
    meaning = meaning_of(code)
    said = f" ({meaning.text})" if meaning.text else ""
    return state(
        EXITED_ERROR,
        entity=trouble.workload,
        text=f"{trouble.who} exits with code {code}{said} in {trouble.where}, "
        f"{count(trouble.restarts, 'time')}{since(trouble.ended, now=scene.now)}",
        seen=trouble.seen,
        at=trouble.ended,
        related=trouble.pods,
        detector=DETECTOR.name,
        container=trouble.container,
        exit_code=code,
        reason=reason or None,
        count=trouble.restarts,
        signal=meaning.signal or None,
        pods=len(trouble.hit),
    )


DETECTOR = Detector(name="kubernetes.exited", emits=(EXITED_ERROR, EXITED_OK_RESTARTING), needs=(Pods,), detect=detect)
