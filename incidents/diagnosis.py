"""The argument: causes bound to entities, ranked, with what speaks for and against; the verdict may abstain."""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from incidents.finding import Gap, RuledOut
from incidents.ids import CauseSlug, EntityId, EvidenceId, FactId
from incidents.value import Value


class Verdict(StrEnum):
    """How the argument ends."""

    DIAGNOSED = "diagnosed"
    SEVERAL = "several"
    """More than one cause is at work at once; each stands above the threshold and explains different symptoms."""
    INCONCLUSIVE = "inconclusive"
    """Nothing stands above the threshold, or the estate looks healthy. A good answer."""


class Engine(StrEnum):
    """Who argued."""

    RULES = "rules"
    MODEL = "model"


class Argument(Value):
    """One point for or against a hypothesis. `weight` in natural-log odds: positive for, negative against."""

    text: str
    weight: float
    facts: tuple[FactId, ...] = ()
    evidence: tuple[EvidenceId, ...] = ()


class Hypothesis(Value):
    """A cause bound to an entity."""

    cause: CauseSlug
    title: str
    entity: EntityId
    probability: float = Field(ge=0, le=1)
    speaks_for: tuple[Argument, ...] = ()
    speaks_against: tuple[Argument, ...] = ()
    would_decide: tuple[str, ...] = ()
    """Predictions that were not looked at or could not be seen."""
    onset: datetime | None = None
    change: FactId | None = None
    """The change that set it off, when there is one."""
    explains: tuple[FactId, ...] = ()
    """Symptoms that it accounts for."""
    statement: str
    """One or two sentences for people, with figures: what is wrong with what, since when, by which change."""


class Diagnosis(Value):
    """The ranked list and the verdict. `hypotheses` are sorted by probability, best first."""

    verdict: Verdict
    hypotheses: tuple[Hypothesis, ...]
    ruled_out: tuple[RuledOut, ...] = ()
    gaps: tuple[Gap, ...] = ()
    engine: Engine
    engine_note: str = ""
    """Why the rule engine's answer stands although a model was configured, which model argued, what it cost."""
    reason: str
    """Why this verdict, in a sentence."""
    at: datetime
    round: int = Field(ge=1)

    @property
    def leading(self) -> tuple[Hypothesis, ...]:
        """The hypotheses that the verdict stands on: one when diagnosed, more when several, none when inconclusive."""
        match self.verdict:
            case Verdict.INCONCLUSIVE:
                return ()
            case Verdict.DIAGNOSED:
                return self.hypotheses[:1]
            case Verdict.SEVERAL:
                return tuple(h for h in self.hypotheses if h.probability >= SEVERAL_THRESHOLD)


SEVERAL_THRESHOLD = 0.5
"""A hypothesis that is likelier than not stands on its own beside the first (verdict `several`)."""
