"""What objections make of a diagnosis: its probabilities, its verdict, and the words for both. Pure."""

import math

from agents.diagnostician.diagnose import NEEDED, several, stands
from agents.diagnostician.weights import DIAGNOSED
from agents.wording import percent
from incidents.diagnosis import Argument, Diagnosis, Engine, Hypothesis, Verdict
from incidents.finding import Question

UNCHALLENGED = 0.3
"""Log odds for what withstood: a nudge, as the diagnostician has weighed the same facts already."""


def revised(diagnosis: Diagnosis, *, attacks: dict[str, tuple[Argument, ...]], unasked: bool) -> Diagnosis:
    """Objections lower the leading hypotheses; one that withstood with nothing left to ask gains a little."""
    hypotheses = [
        _moved(h, attacks.get(h.entity + h.cause, ()), unasked=unasked) if h in diagnosis.leading else h
        for h in diagnosis.hypotheses
    ]
    hypotheses.sort(key=lambda h: -h.probability)
    verdict = diagnosis.verdict
    if diagnosis.leading and hypotheses[0].probability < DIAGNOSED:
        verdict = Verdict.INCONCLUSIVE
    moved = diagnosis.model_copy(update={"hypotheses": tuple(hypotheses), "verdict": verdict})
    if verdict is Verdict.SEVERAL and len(moved.leading) == 1:
        return moved.model_copy(update={"verdict": Verdict.DIAGNOSED})
    return moved


def _moved(hypothesis: Hypothesis, objections: tuple[Argument, ...], *, unasked: bool) -> Hypothesis:
    praise: tuple[Argument, ...] = ()
    if not objections and unasked and not hypothesis.would_decide:
        praise = (
            Argument(text="Nothing that was tried explains it as well, and all it predicts is so", weight=UNCHALLENGED),
        )
    change = sum(point.weight for point in (*objections, *praise))
    if not change:
        return hypothesis
    return hypothesis.model_copy(
        update={
            "probability": _shifted(hypothesis.probability, change),
            "speaks_for": (*hypothesis.speaks_for, *praise),
            "speaks_against": (*hypothesis.speaks_against, *objections),
        }
    )


def _shifted(probability: float, change: float) -> float:
    bounded = min(max(probability, 1e-6), 1 - 1e-6)
    odds = math.log(bounded / (1 - bounded)) + change
    return round(1 / (1 + math.exp(-odds)), 4)


def outcome(
    before: Diagnosis, after: Diagnosis, *, objections: tuple[Argument, ...], questions: tuple[Question, ...]
) -> str:
    """What came of the attack, in words."""
    asked = f" {len(questions)} questions could change that." if len(questions) > 1 else ""
    asked = " One question could change that." if len(questions) == 1 else asked
    if not before.leading:
        return f"Agreed that nothing is proven.{asked}"
    if after.verdict is Verdict.INCONCLUSIVE:
        return f"Does not stand: {objections[0].text}.{asked}"
    if objections:
        return f"Stands, with doubts: {objections[0].text}.{asked}"
    return f"Stands: no rival explains the same as well.{asked}"


def retold(after: Diagnosis, *, before: Diagnosis, objections: tuple[Argument, ...]) -> Diagnosis:
    """The revised diagnosis, its probabilities as people are told them, with a reason that goes with them.

    What a model gave as its reason is kept as long as its verdict stands.
    """
    if not before.leading or (after.verdict is before.verdict and after.engine is not Engine.RULES):
        return after
    if after.verdict is Verdict.SEVERAL:
        told = several([(one.title, one.entity) for one in after.leading])
        return after.model_copy(update={"reason": told})
    first = after.hypotheses[0]
    reason = stands(first.title, first.entity, first.probability)
    if after.verdict is Verdict.INCONCLUSIVE:
        needed = NEEDED if after.engine is Engine.RULES else DIAGNOSED
        reason += f", below {percent(needed)}: {objections[0].text}"
    return after.model_copy(update={"reason": f"{reason}."})
