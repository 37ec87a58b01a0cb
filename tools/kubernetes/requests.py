"""What a pod asks of its node, as the scheduler counts it. Pure.

Source of the formula: k8s.io/component-helpers/resource, PodRequests: the sum of the containers and sidecars, or what
the largest init container needs while it runs, whichever is more; plus the overhead of the runtime class.
"""

from collections.abc import Iterable

from tools.kubernetes.container import read_resources
from tools.kubernetes.document import Document
from tools.kubernetes.node import Room
from tools.kubernetes.quantity import read_bytes, read_cores


def requested_by(spec: Document) -> Room:
    """Cores and bytes requested by a pod of that spec."""
    steady = _sum(_room(item) for item in spec.items("containers"))
    sidecars = Room()
    peak = Room()
    for item in spec.items("initContainers"):
        own = _room(item)
        if item.word("restartPolicy") == "Always":
            sidecars = _sum([sidecars, own])
            peak = _largest(peak, sidecars)
        else:
            peak = _largest(peak, _sum([sidecars, own]))
    overhead = spec.mapping("overhead")
    extra = Room(cpu=read_cores(overhead.get("cpu")) or 0.0, memory=read_bytes(overhead.get("memory")) or 0)
    return _sum([_largest(_sum([steady, sidecars]), peak), extra])


def _room(container: Document) -> Room:
    wanted = read_resources(container.at("resources"))
    return Room(cpu=wanted.cpu_request or 0.0, memory=wanted.memory_request or 0, storage=wanted.storage_request or 0)


def _sum(rooms: Iterable[Room]) -> Room:
    known = tuple(rooms)
    return Room(
        cpu=round(sum(room.cpu for room in known), 6),
        memory=sum(room.memory for room in known),
        storage=sum(room.storage for room in known),
    )


def _largest(left: Room, right: Room) -> Room:
    return Room(
        cpu=max(left.cpu, right.cpu), memory=max(left.memory, right.memory), storage=max(left.storage, right.storage)
    )
