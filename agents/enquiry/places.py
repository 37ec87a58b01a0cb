"""Finds the workloads that somebody means by a name, and says which names are nearly it."""

from collections.abc import Sequence
from difflib import get_close_matches

from agents.enquiry.seen import Notebook
from incidents.entity import Entity
from incidents.ids import EntityId
from tools.kubernetes.probes.workloads import PROBE as WORKLOADS
from tools.kubernetes.scope import Where
from tools.kubernetes.workload import Workload, Workloads
from tools.probe import Observation

LIKE = 3
"""Nearly right names that are offered."""


async def workloads(notes: Notebook) -> Observation[Workloads] | None:
    """All workloads of the cluster; None when they cannot be seen."""
    return await notes.look(WORKLOADS, Where())


def called(name: str, found: Sequence[Workload]) -> tuple[Workload, ...]:
    """Those of that name, or of `namespace/name`."""
    return tuple(one for one in found if name in (one.meta.name.casefold(), _full(one.meta.entity)))


def nearly(name: str, found: Sequence[Workload]) -> tuple[str, ...]:
    """Names that somebody may have meant."""
    names = [one.meta.name.casefold() for one in found]
    return tuple(dict.fromkeys(get_close_matches(name.rsplit("/", 1)[-1], names, n=LIKE)))


def _full(entity: EntityId) -> str:
    parsed = Entity.parse(entity)
    return f"{parsed.namespace}/{parsed.name}".casefold()
