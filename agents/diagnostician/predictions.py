"""Whether what a cause predicts is so: each line of its runbook against the facts near one entity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from agents.diagnostician import timing
from agents.diagnostician.reading import Reading
from agents.diagnostician.weights import PLACES_TO_LOOK, ROLE_WEIGHT, SPECIFICITY
from incidents.cause import Alternative
from incidents.fact import Fact, FactRole
from incidents.ids import EntityId

MOST_CITED = 3
"""Facts that one point cites: the strongest, and two more of the same kind as witnesses."""


class Standing(StrEnum):
    """How a prediction stands."""

    HOLDS = "holds"
    ABSENT = "absent"
    """Looked for, could have been seen, is not so."""
    TOO_LATE = "too_late"
    """It is so, but it came after the trouble had begun."""
    UNSEEN = "unseen"
    """Nobody looked, or it could not be seen."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One line of a runbook against one entity. `worth` in log odds before the share of its list."""

    line: Alternative
    standing: Standing
    facts: tuple[Fact, ...] = ()
    worth: float = 0.0
    looked: float = 0.0
    """Share of the line's kinds that were looked for, when none holds."""
    over: bool = False
    """Whether all that makes it hold is over."""

    @property
    def fact(self) -> Fact | None:
        """The strongest fact that makes it hold."""
        return self.facts[0] if self.facts else None

    @property
    def proves(self) -> bool:
        """Whether it holds by something other than a symptom, or than a comparison of places."""
        if self.fact is None or self.standing is not Standing.HOLDS:
            return False
        return self.fact.role not in SYMPTOMATIC and self.fact.kind not in PLACES_TO_LOOK


SYMPTOMATIC = frozenset({FactRole.SYMPTOM, FactRole.CLEARED})
TROUBLE = frozenset({FactRole.SYMPTOM, FactRole.MECHANISM})


def judge(line: Alternative, *, entity: EntityId, reading: Reading, onset: datetime) -> Prediction:
    """Hold one line against the facts. Deterministic: among equal facts the earliest, then the smallest id, speaks."""
    near = [(fact, reading.places.nearness(fact, entity)) for fact in reading.of(line.kinds)]
    near = [(fact, nearness) for fact, nearness in near if nearness > 0 and fits(fact, line)]
    worth = {fact.id: worth_of(fact, nearness=nearness, onset=onset) for fact, nearness in near}
    facts = sorted((fact for fact, _ in near), key=lambda fact: -worth[fact.id])
    holding = tuple(fact for fact in facts if worth[fact.id] > 0)
    if holding:
        cited = holding[:MOST_CITED]
        over = all(fact.until is not None for fact in holding)
        return Prediction(line=line, standing=Standing.HOLDS, facts=cited, worth=worth[holding[0].id], over=over)
    if facts:
        return Prediction(line=line, standing=Standing.TOO_LATE, facts=tuple(facts[:MOST_CITED]))
    looked = sum(reading.looked_for([kind], entity) for kind in line.kinds) / len(line.kinds)
    return Prediction(line=line, standing=Standing.ABSENT if looked == 1 else Standing.UNSEEN, looked=looked)


def fits(fact: Fact, line: Alternative) -> bool:
    """Whether the fact has the attributes that the line asks of its kind."""
    conditions = line.where.get(fact.kind)
    return not conditions or any(_holds(fact, condition) for condition in conditions)


def _holds(fact: Fact, condition: Mapping[str, Sequence[str]]) -> bool:
    return all(str(fact.attributes.get(name)) in values for name, values in condition.items())


def worth_of(fact: Fact, *, nearness: float, onset: datetime) -> float:
    """What one fact is worth to a prediction: its role, how telling its kind is, how near, how sure, and when."""
    telling = SPECIFICITY.get(fact.kind, 1.0)
    return ROLE_WEIGHT[fact.role] * telling * nearness * fact.strength * timing.factor(fact, onset=onset)
