"""One cause at one entity: every point for and against it, its log odds, and what it explains."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from agents.diagnostician import timing
from agents.diagnostician import weights as w
from agents.diagnostician.predictions import TROUBLE, Prediction, Standing, judge
from agents.diagnostician.reading import OWN_BUSINESS_DOMAINS, Reading, Symptom
from agents.diagnostician.spread import Spread, carries_load, harms
from agents.diagnostician.victims import blame
from agents.diagnostician.wording import absent_text, in_words, label_of, late_text, unseen_text
from incidents.cause import Cause
from incidents.diagnosis import Argument
from incidents.fact import Fact, FactRole
from incidents.ids import EntityId


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """A hypothesis with everything that was found about it; not yet compared with its rivals."""

    cause: Cause
    entity: EntityId
    logit: float
    points: tuple[Argument, ...]
    must: tuple[Prediction, ...]
    likely: tuple[Prediction, ...]
    onset: datetime
    explained: dict[str, float]
    """Symptom key -> degree."""
    capped: str = ""
    """Why it cannot be the diagnosis, when it cannot."""
    compared: bool = False
    """Whether it only says where to look, from a comparison of places."""

    @cached_property
    def complete(self) -> bool:
        """Whether all that must hold does."""
        return all(prediction.standing is Standing.HOLDS for prediction in self.must)

    @cached_property
    def carries_load(self) -> bool:
        """Whether the cause spreads to those who are called."""
        return carries_load(self.cause)

    @property
    def held(self) -> tuple[Prediction, ...]:
        """Predictions that hold, those that must first."""
        return tuple(p for p in (*self.must, *self.likely) if p.standing is Standing.HOLDS)

    @property
    def change(self) -> Fact | None:
        """The change that set it off: of those that it predicts, the one worth most."""
        changes = [p for p in self.held if p.fact and p.fact.role is FactRole.CHANGE]
        return max(changes, key=lambda p: p.worth).fact if changes else None


def weigh(cause: Cause, *, entity: EntityId, reading: Reading, spread: Spread) -> Weighed:
    """Argue for and against one cause at one entity."""
    onset = reading.onset_at(entity)
    must = tuple(judge(line, entity=entity, reading=reading, onset=onset) for line in cause.must)
    likely = tuple(judge(line, entity=entity, reading=reading, onset=onset) for line in cause.likely)
    never = tuple(judge(line, entity=entity, reading=reading, onset=onset) for line in cause.never)
    explained = _explained(cause, entity=entity, reading=reading, spread=spread, since=_since(must))
    compared = _compared(must)  # what callees explain was taken off already when places were compared
    points = [
        *_must_points(must, entity=entity, onset=onset),
        *_over_points(must, likely),
        *_likely_points(likely, entity=entity, onset=onset),
        *_never_points(never, entity=entity, onset=onset),
        *_alert_points(cause, reading=reading),
        *_explaining_points(explained, reading=reading, entity=entity),
        *(() if compared else blame(cause, entity=entity, reading=reading, own_failure=any(map(_own_failure, must)))),
    ]
    logit = w.PRIOR + sum(point.weight for point in points)
    refuted = any(_refuting(p, onset=onset) >= SURE for p in never if p.standing is Standing.HOLDS)
    capped = _cap(cause, must=must, likely=likely, refuted=refuted, explained=explained, reading=reading)
    if any(p.standing is Standing.UNSEEN for p in must):
        logit = min(logit, w.UNSEEN_CAP)
    return Weighed(
        cause=cause,
        entity=entity,
        logit=logit if not capped else _squeezed(logit, below=w.COMPARED_CAP if compared else w.CAPPED),
        points=tuple(points),
        must=must,
        likely=likely,
        onset=onset,
        explained={key: degree for key, degree in explained.items() if degree >= w.EXPLAINED},
        capped=capped,
        compared=compared,
    )


def _squeezed(logit: float, *, below: float) -> float:
    """Below a cap, the nearer the more spoke for it; as it was when that is far below anyway."""
    above = logit - (below - w.CAP_ROOM)
    return logit if above <= 0 else below - w.CAP_ROOM / (1 + above / w.CAP_ROOM)


def _compared(must: Sequence[Prediction]) -> bool:
    """Whether all that must hold does, and only says where to look: comparing places is all that was done."""
    return bool(must) and all(p.standing is Standing.HOLDS and p.fact and p.fact.kind in w.PLACES_TO_LOOK for p in must)


PASSED_ON = frozenset({"dependency", "log", "queue", "connections", "threads", "fd", "upstream", "errors", "latency"})
"""Domains of facts that a failing callee brings about in its callers as well."""


OWN_ERRORS = frozenset({"auth", "dns", "config_missing", "null_pointer", "panic", "too_many_files"})
"""Classes of errors in a log that are the writer's own: no callee's failure makes it forget a password or a name."""


def _own_failure(prediction: Prediction) -> bool:
    """Whether it holds by something that waiting for another does not bring about: a kill, a probe, an exact change."""
    fact = prediction.fact
    if fact is None or not prediction.proves or fact.kind in w.SPECIFICITY:
        return False
    if fact.attributes.get("class") in OWN_ERRORS:
        return True
    return fact.kind.partition(".")[0] not in PASSED_ON


def _since(must: Sequence[Prediction]) -> datetime | None:
    """When it began: with the earliest mechanism that has to hold and does, and not before a change that has to."""
    held = [p for p in must if p.proves]
    mechanisms = [f.at for p in held for f in p.facts if f.at and f.role is FactRole.MECHANISM]
    changes = [p.fact.at for p in held if p.fact and p.fact.at and p.fact.kind.startswith(MADE)]
    return max([*([min(mechanisms)] if mechanisms else []), *changes], default=None)


MADE = "change."
"""Facts of this domain are about what somebody changed, and exactly when; loads that rise are dated by samples."""


def _explained(
    cause: Cause, *, entity: EntityId, reading: Reading, spread: Spread, since: datetime | None
) -> dict[str, float]:
    if not harms(cause):
        return {symptom.key: _is_pointed_at(symptom, entity=entity, reading=reading) for symptom in reading.symptoms}
    load = carries_load(cause)
    return {s.key: spread.explained(s, entity=entity, since=since, load=load) for s in reading.symptoms}


HARM = OWN_BUSINESS_DOMAINS | {"errors", "latency"}
"""Domains of symptoms that users notice: what only costs or only differs does not bring them about."""


def _is_pointed_at(symptom: Symptom, *, entity: EntityId, reading: Reading) -> float:
    """What harms nobody explains an alert about itself, and nothing else; no alert at all where something does harm."""
    here = {entity, *reading.places.own(entity)}
    if any(fact.entity in here for fact in reading.hurting if fact.kind.partition(".")[0] in HARM):
        return 0.0
    return 1.0 if symptom.fact is None and here & {symptom.entity, *reading.places.homes(symptom.entity)} else 0.0


def _must_points(must: Sequence[Prediction], *, entity: EntityId, onset: datetime) -> Iterator[Argument]:
    yield from _holding([(p, p.worth * p.line.weight) for p in must if p.standing is Standing.HOLDS])
    for prediction in must:
        match prediction.standing:
            case Standing.ABSENT:
                yield Argument(text=absent_text(prediction.line, entity=entity), weight=w.MUST_ABSENT)
            case Standing.TOO_LATE:
                yield _late(prediction, onset=onset, weight=w.MUST_ABSENT)
            case Standing.UNSEEN:
                weight = w.MUST_UNSEEN + (w.MUST_ABSENT - w.MUST_UNSEEN) * prediction.looked
                yield Argument(text=unseen_text(prediction.line, entity=entity), weight=round(weight, 4))
            case Standing.HOLDS if all(_is_old(fact, onset=onset) for fact in prediction.facts):
                text = f"More than a day of health lies between it and the trouble: {prediction.facts[0].text}"
                yield _citing(prediction.facts, weight=w.MUST_OLD_CHANGE, text=text)
            case Standing.HOLDS:
                pass


def _over_points(must: Sequence[Prediction], likely: Sequence[Prediction]) -> Iterator[Argument]:
    """A point against what somebody changed and nobody changed since, when all the trouble it predicts is over."""
    held = (p.fact for p in must if p.proves and p.fact)
    change = next((fact for fact in held if fact.kind.startswith(MADE) and fact.until is None), None)
    trouble = [p for p in (*must, *likely) if p.fact and p.standing is Standing.HOLDS and p.fact.role in TROUBLE]
    if change is not None and trouble and all(p.over for p in trouble):
        facts = trouble[0].facts
        text = f"It is over although what set it off is still so: {facts[0].text}"
        yield _citing((*facts, change), weight=w.OVER, text=text)


def _is_old(fact: Fact, *, onset: datetime) -> bool:
    return fact.role is FactRole.CHANGE and fact.at is not None and onset - fact.at > w.CHANGE_OLD


def _likely_points(likely: Sequence[Prediction], *, entity: EntityId, onset: datetime) -> Iterator[Argument]:
    share = w.LIKELY_SHARE
    yield from _holding([(p, p.worth * p.line.weight * share) for p in likely if p.standing is Standing.HOLDS])
    for prediction in likely:
        if prediction.standing is Standing.ABSENT:
            yield Argument(text=absent_text(prediction.line, entity=entity), weight=w.LIKELY_ABSENT)
        elif prediction.standing is Standing.TOO_LATE:
            yield _late(prediction, onset=onset, weight=w.LIKELY_ABSENT)


def _holding(worths: list[tuple[Prediction, float]]) -> Iterator[Argument]:
    """Points that hold, strongest first, each further one for less."""
    ordered = sorted(worths, key=lambda pair: -pair[1])
    for place, (prediction, worth) in enumerate(ordered):
        yield _citing(prediction.facts, weight=worth * w.FURTHER_POINT**place)


def _citing(facts: Sequence[Fact], *, weight: float, text: str = "") -> Argument:
    evidence = dict.fromkeys(evidence for fact in facts for evidence in fact.evidence)
    words = text or facts[0].text
    return Argument(text=words, weight=round(weight, 4), facts=tuple(f.id for f in facts), evidence=tuple(evidence))


def _late(prediction: Prediction, *, onset: datetime, weight: float) -> Argument:
    return _citing(prediction.facts, weight=weight, text=late_text(prediction.facts[0], onset=onset))


def _refuting(prediction: Prediction, *, onset: datetime) -> float:
    """How surely (0..1) what must never be so is so. A change refutes as far as it could have set this off itself."""
    return max(
        fact.strength * (timing.factor(fact, onset=onset) if fact.role is FactRole.CHANGE else 1.0)
        for fact in prediction.facts
    )


def _never_points(never: Sequence[Prediction], *, entity: EntityId, onset: datetime) -> Iterator[Argument]:
    cleared = []
    for prediction in never:
        if prediction.standing is Standing.HOLDS:
            strength = _refuting(prediction, onset=onset)
            weight = w.NEVER_PRESENT * prediction.line.weight * strength
            yield _citing(prediction.facts, weight=weight, text=f"Speaks against it: {prediction.facts[0].text}")
        elif prediction.standing is Standing.ABSENT:
            cleared.append(in_words(prediction.line))
    if cleared:
        weight = min(w.CLEARED_NEVER * len(cleared), w.CLEARED_NEVER_MOST)
        text = f"Looked for at {label_of(entity)} and not so: {', '.join(cleared)}"
        yield Argument(text=text, weight=round(weight, 4))


def _alert_points(cause: Cause, *, reading: Reading) -> Iterator[Argument]:
    named = sorted({alert.name for alert in reading.case.alerts} & set(cause.alerts))
    if named:
        yield Argument(text=f"{', '.join(named)} is what this failure usually sets off", weight=w.ALERT_NAMED)


def _explaining_points(explained: dict[str, float], *, reading: Reading, entity: EntityId) -> Iterator[Argument]:
    if not explained:
        return
    best = max(explained.values())
    if best < w.EXPLAINED:
        text = f"No path leads from {label_of(entity)} to anything that hurts"
        yield Argument(text=text, weight=w.EXPLAINS_NOTHING)
        return
    total = sum(symptom.weight for symptom in reading.symptoms)
    share = sum(symptom.weight * explained[symptom.key] for symptom in reading.symptoms) / total
    facts = [s.fact for s in reading.symptoms if s.fact and explained[s.key] >= w.EXPLAINED]
    text = f"Explains {len(facts)} of {_count(reading.symptoms)} symptoms" if facts else "Explains what the alert says"
    weight = w.EXPLAINS * (best + share) / 2
    yield _citing(facts, weight=weight, text=text) if facts else Argument(text=text, weight=round(weight, 4))


def _count(symptoms: Iterable[Symptom]) -> int:
    return sum(symptom.fact is not None for symptom in symptoms)


def _cap(
    cause: Cause,
    *,
    must: Sequence[Prediction],
    likely: Sequence[Prediction],
    refuted: bool,
    explained: dict[str, float],
    reading: Reading,
) -> str:
    """Why this cannot be the diagnosis whatever else speaks for it. Empty: it can."""
    if any(p.standing in (Standing.ABSENT, Standing.TOO_LATE) for p in must):
        return "something that has to hold does not"
    if refuted:
        return "something that refutes it holds"
    if not any(p.proves for p in (*must, *likely)):
        return "where to look is known, not what is wrong" if _compared(must) else "only symptoms speak for it"
    if max(explained.values(), default=0.0) < w.EXPLAINED:
        return "it explains nothing that hurts"
    if not reading.hurting and not _is_what_the_alert_says(cause, must=must, reading=reading):
        return "nothing hurts"
    return ""


SURE = 0.5
"""Strength (0..1) from which a refuting fact is likelier right than wrong."""


def _is_what_the_alert_says(cause: Cause, *, must: Sequence[Prediction], reading: Reading) -> bool:
    """Some alerts warn before anything hurts (a full disk, an idle workload): then all that must hold is to be seen.

    A case that no alert opened (a sweep for cost or drift did) is about the entities it names.
    """
    named = not reading.case.alerts or any(alert.name in cause.alerts for alert in reading.case.alerts)
    seen = all(p.standing is Standing.HOLDS for p in must)
    proven = any(p.fact and p.fact.role in (FactRole.MECHANISM, FactRole.STATE) for p in must if p.proves)
    return named and seen and proven
