"""Containers in the same kind of trouble, rolled up: one entry per container of a workload, with its pods."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.detector import Sightings
from agents.kubernetes.sighted import (
    SeenContainer,
    SeenEvent,
    containers_of,
    earliest,
    events_of,
    name,
    of_total,
    pods_of,
)
from incidents.ids import EntityId
from tools.kubernetes.container import ContainerSpec
from tools.probe import Observation


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One container of a workload and the pods in which something is so."""

    workload: EntityId
    container: str
    hit: tuple[SeenContainer, ...]
    total: int
    """Pods of the workload that have this container."""
    backoffs: tuple[SeenEvent, ...] = ()
    """Restarts that the kubelet put off, of the pods that are hit."""

    @property
    def pods(self) -> tuple[EntityId, ...]:
        """The pods."""
        return tuple(one.pod.meta.entity for one in self.hit)

    @property
    def seen(self) -> tuple[Observation[Any], ...]:
        """Where it was seen."""
        return (*(one.seen for one in self.hit), *(one.seen for one in self.backoffs))

    @property
    def spec(self) -> ContainerSpec | None:
        """What the template says of the container."""
        return self.hit[0].pod.spec.container(self.container)

    @property
    def restarts(self) -> int:
        """Restarts of the container in the pods that are hit; at least one each."""
        return sum(max(1, one.status.restarts) for one in self.hit)

    @property
    def ended(self) -> datetime | None:
        """The earliest known end of a run, or delay of a restart."""
        ends = [one.status.ended.finished for one in self.hit if one.status.ended]
        return earliest([*ends, *(one.event.first for one in self.backoffs)])

    @property
    def where(self) -> str:
        """`2 of 6 pods`."""
        return of_total(len(self.hit), self.total)

    @property
    def who(self) -> str:
        """`container app of checkout`, or `checkout's container` when both have one name."""
        workload = name(self.workload)
        own = self.container == workload
        return f"{workload}'s container" if own else f"container {self.container} of {workload}"


def troubled(
    sightings: Sightings, test: Callable[[SeenContainer], bool], *, init: bool | None = None
) -> Iterator[Trouble]:
    """Containers for which the test holds in at least one pod."""
    backoffs = events_of(sightings, "BackOff")
    for (workload, container), everywhere in containers_of(pods_of(sightings), init=init).items():
        hit = tuple(one for one in everywhere if test(one))
        if not hit:
            continue
        pods = {one.pod.meta.entity for one in hit}
        own = tuple(one for one in backoffs if one.pod in pods and one.event.container == container)
        yield Trouble(workload=workload, container=container, hit=hit, total=len(everywhere), backoffs=own)
