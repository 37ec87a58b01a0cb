"""Telling victims from culprits: who calls something that failed no later is explained by that, not by itself."""

from collections.abc import Iterator
from datetime import datetime

from agents.diagnostician import weights as w
from agents.diagnostician.loads import makes_load, overloaded, surging
from agents.diagnostician.places import PEERS, kind_of
from agents.diagnostician.reading import ALARMS, Reading, complains
from agents.diagnostician.spread import carries_load
from agents.diagnostician.wording import label_of
from incidents.cause import Cause
from incidents.diagnosis import Argument
from incidents.fact import Fact, FactRole
from incidents.ids import EntityId

DISTRESS = frozenset({FactRole.MECHANISM, FactRole.SYMPTOM})


def blame(cause: Cause, *, entity: EntityId, reading: Reading, own_failure: bool) -> Iterator[Argument]:
    """A point against the entity when something that it calls was in distress first.

    For what load brings it is the other way round: against it when a caller began to call more by a change of its own.
    """
    if kind_of(entity) not in PEERS:
        return
    if carries_load(cause):
        yield from _amplified(entity, reading=reading)
        return
    weight = w.EXPLAINED_AWAY_WITH_OWN_FAILURE if own_failure else w.EXPLAINED_AWAY
    if own_failure and overloaded(entity, reading=reading):
        return
    distress = sorted(_distress_below(entity, reading=reading), key=_order)
    complaints = sorted(_complaints(entity, reading=reading), key=_order)
    if distress:
        first = distress[0]
        text = f"It calls {label_of(first.entity)}, which was in trouble no later: {first.text}"
    elif complaints:
        first = complaints[0]
        text = f"It complains about whom it calls: {first.text}"
    else:
        return
    yield Argument(text=text, weight=weight, facts=(first.id,), evidence=first.evidence)


def _amplified(entity: EntityId, *, reading: Reading) -> Iterator[Argument]:
    """A caller that was changed as the load rose, and gets no more requests itself, makes the load."""
    callers = set(reading.topology.callers(entity)) - {entity}
    if any(surging(caller, reading=reading) for caller in callers):
        return
    fact = next((fact for caller in sorted(callers) for fact in makes_load(caller, entity, reading=reading)), None)
    if fact is not None:
        text = f"Its load rose as a caller was changed that gets no more requests itself: {fact.text}"
        yield Argument(text=text, weight=w.EXPLAINED_AWAY, facts=(fact.id,), evidence=fact.evidence)


def _order(fact: Fact) -> tuple[bool, datetime | None, str]:
    return fact.at is None, fact.at, fact.id


def _complaints(entity: EntityId, *, reading: Reading) -> Iterator[Fact]:
    """What its own log says of others who do not answer."""
    for fact in reading.facts:
        if fact.entity == entity and complains(fact):
            yield fact


def _distress_below(entity: EntityId, *, reading: Reading) -> Iterator[Fact]:
    """Facts that show a callee in distress no later than the entity itself."""
    topology = reading.topology
    callees = set(topology.callees(entity, transitive=True)) - {entity}
    callees -= {callee for callee in callees if entity in topology.callees(callee, transitive=True)}
    limit = reading.onset_at(entity) + w.TOLERANCE
    for fact in reading.facts:
        if fact.role not in DISTRESS or fact.kind.startswith(ALARMS) or not fact.at or fact.at > limit:
            continue
        if callees & set(reading.places.homes(fact.entity)):
            yield fact
