"""Where load comes from: from outside through everybody on its way, or from a caller that began to call more."""

from collections.abc import Iterator
from datetime import datetime

from agents.diagnostician import weights as w
from agents.diagnostician.reading import Reading
from incidents.fact import Fact, FactRole
from incidents.ids import EntityId, FactKind

LOAD = frozenset({FactKind("traffic.surge")})
"""Kinds of facts that travel with the requests, from caller to callee. Every other failure travels against them."""


def surging(entity: EntityId, *, reading: Reading) -> list[datetime]:
    """When more requests than usual began to come to the entity."""
    surges = (fact for fact in reading.facts if fact.kind in LOAD)
    return [s.at for s in surges if s.at and entity in (s.entity, *reading.places.homes(s.entity))]


def makes_load(caller: EntityId, callee: EntityId, *, reading: Reading) -> Iterator[Fact]:
    """Changes of the caller right after which more requests came to the callee, and none to the caller."""
    starts = surging(callee, reading=reading)
    if not starts or surging(caller, reading=reading):
        return
    for fact in reading.facts:
        changed = fact.role is FactRole.CHANGE and fact.kind not in LOAD and fact.entity == caller
        if changed and fact.at and any(fact.at - w.TOLERANCE <= start <= fact.at + w.AMPLIFIES for start in starts):
            yield fact


def overloaded(entity: EntityId, *, reading: Reading) -> tuple[EntityId, ...]:
    """Whom the entity calls more often since a change of its own."""
    callees = reading.topology.callees(entity)
    return tuple(callee for callee in callees if any(makes_load(entity, callee, reading=reading)))
