"""Which workloads a service means: those its selector picks or, when it picks none, the one that it nearly picks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from incidents.ids import EntityId
from tools.kubernetes.service import Candidate


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A workload and the labels of its pods."""

    entity: EntityId
    namespace: str | None
    labels: Mapping[str, str]


def selected(selector: Mapping[str, str], workloads: Iterable[Labelled]) -> tuple[EntityId, ...]:
    """Workloads whose pods carry all of the selector's labels; an empty selector picks none."""
    if not selector:
        return ()
    return tuple(w.entity for w in workloads if all(w.labels.get(key) == value for key, value in selector.items()))


def closest(selector: Mapping[str, str], workloads: Iterable[Labelled], *, name: str) -> Candidate | None:
    """The workload that misses the fewest of the selector's labels, of equal ones the one named like the service."""
    scored = [(_shared(selector, w), _named_like(w.entity, name), w) for w in workloads]
    near = [entry for entry in scored if entry[0] > 0 or entry[1]]
    if not selector or not near:
        return None
    shared, _, best = max(near, key=lambda entry: (entry[0], entry[1], entry[2].entity))
    missing = next(key for key, value in selector.items() if best.labels.get(key) != value)
    return Candidate(
        workload=best.entity,
        differing_key=missing,
        wanted=selector[missing],
        found=best.labels.get(missing, ""),
        shared=shared,
    )


def _shared(selector: Mapping[str, str], workload: Labelled) -> int:
    return sum(workload.labels.get(key) == value for key, value in selector.items())


def _named_like(entity: EntityId, name: str) -> bool:
    return entity.rsplit("/", 1)[1] == name
