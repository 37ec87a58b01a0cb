"""Which causes at which entities are worth weighing: those of which something that must hold is seen nearby."""

from collections.abc import Iterator

from agents.diagnostician.places import SCOPES, kind_of
from agents.diagnostician.predictions import fits
from agents.diagnostician.reading import Reading
from incidents.cause import Cause
from incidents.fact import Fact
from incidents.ids import EntityId


def candidates(cause: Cause, *, reading: Reading) -> Iterator[EntityId]:
    """Entities of the inventory to which the cause could be bound, sorted. What does not exist is never blamed."""
    lines = cause.must or cause.likely
    facts = [fact for line in lines for fact in reading.of(line.kinds) if fits(fact, line)]
    if not facts:
        return
    for entity in _pool(cause, reading=reading):
        if any(_supports(fact, entity, reading=reading) for fact in facts):
            yield entity


def _pool(cause: Cause, *, reading: Reading) -> list[EntityId]:
    kinds = SCOPES[cause.scope]
    return sorted(entity for entity in reading.touched & reading.case.inventory if kind_of(entity) in kinds)


def _supports(fact: Fact, entity: EntityId, *, reading: Reading) -> bool:
    return reading.places.nearness(fact, entity) > 0
