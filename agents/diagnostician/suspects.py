"""Suspects that are innocent: changes that came too late or lead nowhere, and causes that do not hold."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from agents.diagnostician.predictions import Standing
from agents.diagnostician.reading import Reading
from agents.diagnostician.spread import Spread
from agents.diagnostician.timing import after
from agents.diagnostician.weighing import Weighed
from agents.diagnostician.weights import CHANGE_OLD, EXPLAINED, MOST_RULED_OUT
from agents.diagnostician.wording import in_words, label_of
from agents.wording import clock_time, duration, listed
from incidents.fact import Fact, FactRole
from incidents.finding import RuledOut
from incidents.ids import EntityId, FactKind


def ruled_out(
    leading: Sequence[Weighed], *, others: Sequence[Weighed], reading: Reading, spread: Spread
) -> tuple[RuledOut, ...]:
    """What people would suspect and need not, with the reason; changes first, at most a card's worth."""
    blamed = frozenset(one.entity for one in leading)
    found = [*_changes(blamed, reading=reading, spread=spread), *_causes(others, leading=leading)]
    unique = {(r.suspicion, r.entity): r for r in found}
    return tuple(unique.values())[:MOST_RULED_OUT]


def _changes(blamed: frozenset[EntityId], *, reading: Reading, spread: Spread) -> Iterator[RuledOut]:
    """One line per changed entity: of its changes the latest one speaks, in the words of the deploy that brought it."""
    by_entity: dict[EntityId, list[Fact]] = {}
    for fact in reading.all_facts:
        suspicious = fact.role is FactRole.CHANGE and fact.kind.startswith(CHANGES)
        if suspicious and fact.at and fact.at >= reading.onset - CHANGE_OLD:
            by_entity.setdefault(fact.entity, []).append(fact)
    for entity, facts in sorted(by_entity.items()):
        whose = set(reading.places.homes(entity)) | set(reading.places.around(entity))
        if entity in blamed or whose & blamed or any(entity in reading.places.own(b) for b in blamed):
            continue
        because = _innocent(entity, facts, reading=reading, spread=spread, blamed=blamed)
        if because:
            yield RuledOut(
                suspicion=max(facts, key=_speaks).text,
                entity=entity,
                because=because,
                evidence=tuple(dict.fromkeys(e for fact in facts for e in fact.evidence)),
            )


def _speaks(fact: Fact) -> tuple[datetime, bool, str]:
    return fact.at or datetime.min.replace(tzinfo=UTC), fact.kind == DEPLOYED, fact.id


DEPLOYED = FactKind("change.deployed")


CHANGES = ("change.", "rollback.")
"""Domains of facts about what people and machines changed; a surge of traffic is a change of another sort."""


def _innocent(
    entity: EntityId, facts: Sequence[Fact], *, reading: Reading, spread: Spread, blamed: frozenset[EntityId]
) -> str:
    """Why a change of this entity is not to blame; empty when that cannot be said."""
    reasons = []
    times = [fact.at for fact in facts if fact.at]
    if all(after(at, onset=reading.onset) for at in times):
        late = duration((min(times) - reading.onset).total_seconds())
        reasons.append(f"came {late} after it began at {clock_time(reading.onset)}")
    if not _reaches(entity, reading=reading, spread=spread):
        reasons.append("no request path leads from what hurts to it")
    if not reasons and blamed:
        names = listed(label_of(one) for one in sorted(blamed))
        reasons.append(f"it does not touch {names}, where the failure is")
    return ", and ".join(reasons)


def _reaches(entity: EntityId, *, reading: Reading, spread: Spread) -> bool:
    where = {entity, *reading.places.homes(entity)}
    degrees = (spread.explained(s, entity=e, since=None, load=False) for s in reading.symptoms for e in where)
    return any(degree >= EXPLAINED for degree in degrees)


def _causes(others: Sequence[Weighed], *, leading: Sequence[Weighed]) -> Iterator[RuledOut]:
    """Causes that had something for them, at a place under suspicion, and fail on what must or must not hold."""
    suspected = [one for one in others if one not in leading and one.capped and one.points]
    suspected.sort(key=lambda one: (-_support(one), one.cause.slug, one.entity))
    for one in suspected[:MOST_CAUSES]:
        because = _failing(one)
        if because and _support(one) >= SUSPICIOUS:
            evidence = tuple(dict.fromkeys(e for point in one.points for e in point.evidence if point.weight < 0))
            suspicion = f"{one.cause.title} at {label_of(one.entity)}"
            yield RuledOut(suspicion=suspicion, entity=one.entity, because=because, evidence=evidence)


def _support(one: Weighed) -> float:
    """What speaks for it by facts of its own, in log odds; what explains the symptoms speaks for too many."""
    return sum(p.worth for p in one.held if p.proves)


AGAINST = "Speaks against it: "
MOST_CAUSES = 3
SUSPICIOUS = 1.5
"""Log odds: one good fact. Below that nobody would have suspected it."""


def _failing(one: Weighed) -> str:
    """What must hold and is not so, or what refutes it; empty when it was merely not seen."""
    absent = [in_words(p.line) for p in one.must if p.standing is Standing.ABSENT]
    if absent:
        return f"looked for and not found: {', '.join(absent)}"
    against = min(one.points, key=lambda point: point.weight)
    return against.text.removeprefix(AGAINST) if against.weight < 0 and against.facts else ""
