"""The rule engine: from a case file to a ranked argument with a verdict. Pure and deterministic.

Causes bound to entities are weighed one by one (`weighing`), then held against each other and against "none of these"
(`rivals`). What does not beat that, or cannot be proven, is no diagnosis: the verdict is then inconclusive.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from agents.diagnostician.calibration import stated
from agents.diagnostician.candidates import candidates
from agents.diagnostician.predictions import Standing
from agents.diagnostician.reading import HEALTHY, Reading
from agents.diagnostician.rivals import nearest, probabilities
from agents.diagnostician.spread import Spread
from agents.diagnostician.suspects import ruled_out
from agents.diagnostician.weighing import Weighed, weigh
from agents.diagnostician.weights import DIAGNOSED, MOST_SHOWN, MOST_SURE, SHOWN
from agents.diagnostician.wording import in_words, label_of, statement
from agents.runbooks.grammar import write_alternative
from agents.runbooks.library import Library
from agents.wording import listed, percent
from incidents.casefile import CaseFile
from incidents.diagnosis import SEVERAL_THRESHOLD, Argument, Diagnosis, Engine, Hypothesis, Verdict
from incidents.fact import Fact, FactRole
from incidents.ids import EntityId

ENOUGH = 2
"""Sentences after which a statement is complete: the change and what it does, or what breaks and how things are."""

NEEDED = stated(DIAGNOSED)
"""What people are told that a diagnosis needs."""

MOST_SENTENCES = 3
"""A statement is read aloud on the phone."""


def diagnose(case: CaseFile, library: Library, *, now: datetime) -> Diagnosis:
    """Argue the case with the causes of the library."""
    reading = Reading(case)
    spread = Spread(reading)
    weighed = [
        one
        for cause in library.causes
        for one in nearest(
            [weigh(cause, entity=e, reading=reading, spread=spread) for e in candidates(cause, reading=reading)],
            reading=reading,
        )
    ]
    chances = probabilities(weighed, reading=reading, spread=spread)
    order = sorted(
        zip(chances, weighed, strict=True),
        key=lambda pair: (-pair[0], -pair[1].logit, pair[1].cause.slug, pair[1].entity),
    )
    leading = _leading(order)
    verdict = (Verdict.INCONCLUSIVE, Verdict.DIAGNOSED)[bool(leading)] if len(leading) < 2 else Verdict.SEVERAL  # noqa: PLR2004
    shown = [(chance, one) for chance, one in order if chance >= SHOWN][:MOST_SHOWN]
    return Diagnosis(
        verdict=verdict,
        hypotheses=tuple(_hypothesis(one, chance=chance, reading=reading) for chance, one in shown),
        ruled_out=ruled_out(leading, others=[one for _, one in order], reading=reading, spread=spread),
        gaps=case.gaps,
        engine=Engine.RULES,
        reason=_reason(verdict, order=order, leading=leading, reading=reading),
        at=now,
        round=max(case.round, 1),
    )


def _leading(order: Sequence[tuple[float, Weighed]]) -> list[Weighed]:
    """What the verdict stands on: nothing unless the first is clear, then all that are likelier than not."""
    if not order or order[0][0] < DIAGNOSED or order[0][1].capped:
        return []
    return [one for chance, one in order if chance >= SEVERAL_THRESHOLD and not one.capped]


def _hypothesis(one: Weighed, *, chance: float, reading: Reading) -> Hypothesis:
    explained = [s.fact.id for s in reading.symptoms if s.fact and s.key in one.explained]
    return Hypothesis(
        cause=one.cause.slug,
        title=one.cause.title,
        entity=one.entity,
        probability=round(min(chance, MOST_SURE), 4),
        speaks_for=_sorted(point for point in one.points if point.weight > 0),
        speaks_against=_sorted(point for point in one.points if point.weight <= 0),
        would_decide=tuple(
            write_alternative(p.line) for p in (*one.must, *one.likely) if p.standing is Standing.UNSEEN
        ),
        onset=one.onset,
        change=one.change.id if one.change else None,
        explains=tuple(explained),
        statement=statement(title=one.cause.title, entity=one.entity, facts=_story(one)),
    )


def _sorted(points: Iterable[Argument]) -> tuple[Argument, ...]:
    return tuple(sorted(points, key=lambda point: -abs(point.weight)))


def _story(one: Weighed) -> list[Fact]:
    """The change that set it off, how it breaks, how things are: what the statement tells, in this order."""
    facts = [p.fact for p in one.held if p.fact]
    first = [one.change] if one.change else []
    for role in (FactRole.MECHANISM, FactRole.STATE, FactRole.SYMPTOM):
        first += [fact for fact in facts if fact.role is role][:1]
    told = first if len(first) >= ENOUGH else [*first, *facts]
    return list({fact.id: fact for fact in told}.values())[:MOST_SENTENCES]


def _reason(
    verdict: Verdict, *, order: Sequence[tuple[float, Weighed]], leading: Sequence[Weighed], reading: Reading
) -> str:
    match verdict:
        case Verdict.DIAGNOSED:
            return f"{stands(leading[0].cause.title, leading[0].entity, stated(order[0][0]))}."
        case Verdict.SEVERAL:
            return several([(one.cause.title, one.entity) for one in leading])
        case Verdict.INCONCLUSIVE:
            return _why_not(order, reading=reading)


def stands(title: str, entity: EntityId, probability: float) -> str:
    """How likely a cause is, as people are told it."""
    return f"{title} at {label_of(entity)} stands at {percent(probability)}"


def several(causes: Sequence[tuple[str, EntityId]]) -> str:
    """That these causes, each a title and a place, are at work at once."""
    names = ", ".join(f"{title} at {label_of(entity)}" for title, entity in causes)
    return f"{len(causes)} causes are at work at once, each explaining symptoms of its own: {names}."


def _why_not(order: Sequence[tuple[float, Weighed]], *, reading: Reading) -> str:
    """Why nothing is diagnosed, and what would help."""
    healthy = reading.by_kind.get(HEALTHY, ())
    if not reading.hurting:
        return f"Nothing hurts: {healthy[0].text}" if healthy else "Nothing that was looked at hurts."
    if not order:
        return "No known cause has anything that must hold for it."
    chance, best = order[0]
    said = f"{stands(best.cause.title, best.entity, stated(chance))}, below {percent(NEEDED)}"
    unseen = [in_words(p.line) for p in (*best.must, *best.likely) if p.standing is Standing.UNSEEN]
    if best.capped:
        return f"{said}: {best.capped}."
    return f"{said}; whether there is {listed(unseen)} would decide." if unseen else f"{said}."
