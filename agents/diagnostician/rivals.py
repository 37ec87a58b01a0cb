"""From log odds to probabilities: each hypothesis against those that explain the same, and against none of these."""

import math
from collections.abc import Callable, Sequence
from functools import cache

from agents.diagnostician.places import BY_CORDON, CLOSED, PEERS, WAITING, kind_of
from agents.diagnostician.reading import Reading, Symptom
from agents.diagnostician.reasons import gives_way
from agents.diagnostician.spread import Spread
from agents.diagnostician.weighing import Weighed
from agents.diagnostician.weights import NONE_OF_THESE, RIVAL
from incidents.fact import Fact
from incidents.ids import EntityId, FactId


def probabilities(weighed: Sequence[Weighed], *, reading: Reading, spread: Spread) -> list[float]:
    """One probability per hypothesis. Two that explain different symptoms do not compete, so both may be near 1.

    A name of what can be seen from outside is right by itself only as far as no reason at the same place is.
    """
    chances = [_probability(one, _rivals(one, among=weighed, reading=reading, spread=spread)) for one in weighed]
    reasons = [
        max(
            (c for c, other in zip(chances, weighed, strict=True) if gives_way(one, other, reading=reading)),
            default=0.0,
        )
        for one in weighed
    ]
    return [min(chance, 1 - reason) for chance, reason in zip(chances, reasons, strict=True)]


def nearest(same_cause: Sequence[Weighed], *, reading: Reading) -> list[Weighed]:
    """Without owners that merely repeat what is known of something they own: a CronJob beside its failed Job.

    Of nodes that keep the same pods waiting together, the one that was closed last stands for all: before that there
    was room, and opening it gives that back.
    """
    kept = [one for one in same_cause if not any(_repeats(one, of=other, reading=reading) for other in same_cause)]
    return [one for one in kept if not any(_stands_for(other, one) for other in kept)]


def _repeats(one: Weighed, *, of: Weighed, reading: Reading) -> bool:
    owned = of.entity != one.entity and of.entity in reading.places.own(one.entity)
    return owned and of.logit >= one.logit and kind_of(of.entity) in PEERS


def _stands_for(other: Weighed, one: Weighed) -> bool:
    if not (_closings(other) and _closings(one) and _waiting(other) & _waiting(one)):
        return False
    return _last_closed(other) < _last_closed(one)


def _waiting(one: Weighed) -> set[FactId]:
    """What it holds of pods that wait because nodes are closed."""
    return {f.id for p in one.held for f in p.facts if f.kind == WAITING and f.attributes.get("reason") == BY_CORDON}


def _closings(one: Weighed) -> list[Fact]:
    """What it holds of its node's being closed."""
    return [f for p in one.must for f in p.facts if f.kind == CLOSED and f.entity == one.entity]


def _last_closed(one: Weighed) -> tuple[float, EntityId]:
    """Sorts the node that was closed last first, then those of which no time is known; names decide between equals."""
    times = [f.at.timestamp() for f in _closings(one) if f.at]
    return -max(times, default=-math.inf), one.entity


def _probability(one: Weighed, rivals: Sequence[Weighed]) -> float:
    against = math.fsum(math.exp(rival.logit - one.logit) for rival in rivals)
    return 1 / (1 + math.exp(NONE_OF_THESE - one.logit) + against)


def _rivals(one: Weighed, *, among: Sequence[Weighed], reading: Reading, spread: Spread) -> list[Weighed]:
    covers = _covering(_core(one, reading=reading), spread=spread)
    return [other for other in among if _competes(other, one, covers=covers, reading=reading)]


def _covering(core: Sequence[Symptom], *, spread: Spread) -> Callable[[EntityId, bool], bool]:
    """Whether trouble at an entity explains enough of `core`; most causes ask for the same few entities."""

    @cache
    def covers(entity: EntityId, load: bool) -> bool:  # noqa: FBT001 - `cache` is faster by position
        return sum(spread.explained(one, entity=entity, since=None, load=load) for one in core) >= RIVAL * len(core)

    return covers


def _competes(other: Weighed, one: Weighed, *, covers: Callable[[EntityId, bool], bool], reading: Reading) -> bool:
    """Whether `other` would make `one` unnecessary: it is at the same entity, or explains what hurts there (`covers`).

    What merely says where to look takes nothing from what says what is wrong, and nothing from its like elsewhere:
    they were compared already. It loses to what is proven, not to what is merely thinkable.
    """
    if other is one or gives_way(other, one, reading=reading):
        return False
    if other.compared and (not one.compared or other.entity != one.entity):
        return False
    if one.compared and (other.capped or not other.complete):
        return False
    if other.entity == one.entity:
        return True
    return covers(other.entity, other.carries_load)


def _core(one: Weighed, *, reading: Reading) -> Sequence[Symptom]:
    """The symptoms at the entity itself, else all that it explains."""
    own = reading.places.own(one.entity)
    at_home = [symptom for symptom in reading.symptoms if symptom.fact and symptom.entity in own]
    return at_home or [symptom for symptom in reading.symptoms if symptom.key in one.explained]
