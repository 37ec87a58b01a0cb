"""The colleague who doubts: attacks the leading hypothesis, and finds the questions that could change the decision.

A question is worth asking when the answer could matter: the argument is held again with the answer assumed both ways.
Pure; it sees what the diagnostician sees and nothing more.
"""

from collections.abc import Container, Iterable, Iterator
from datetime import datetime
from itertools import chain

from agents.asking import ask, whom
from agents.diagnostician.calibration import as_stated, stated
from agents.diagnostician.diagnose import diagnose
from agents.diagnostician.hearsay import is_unread, proof_of, same_from_outside
from agents.diagnostician.places import PEERS, kind_of
from agents.diagnostician.reading import HEALTHY, Reading, telling
from agents.diagnostician.revising import outcome, retold, revised
from agents.diagnostician.victims import DISTRESS
from agents.diagnostician.weights import TOLERANCE
from agents.diagnostician.wording import label_of
from agents.runbooks.grammar import read_alternative
from agents.runbooks.library import Library
from agents.wording import clock_time, percent
from incidents.casefile import CaseFile
from incidents.cause import Alternative, Expression
from incidents.diagnosis import Argument, Diagnosis, Hypothesis, Verdict
from incidents.entity import EntityKind
from incidents.fact import Fact, FactRole, fact_id
from incidents.finding import AgentName, Question, Topic
from incidents.ids import EntityId, EvidenceId, FactKind, QuestionId
from incidents.value import Value

MOVES = 0.1
"""Probability. An answer that moves the first hypothesis by less changes no decision."""

CLOSE = 4.0
"""A rival with more than a quarter of the leader's probability is a rival to be taken seriously."""

WEAK = 0.7
"""Strength (0..1) below which one statistical fact should not carry a diagnosis alone."""

RIVAL_CLOSE = -0.3
LATE_MECHANISM = -0.4
ONE_WEAK_SOURCE = -0.5
"""Log odds: a nudge each, as the diagnostician has weighed the same facts already."""

MOST_QUESTIONS = 5
"""Questions of one round. More than a specialist answers in seconds."""

MOST_TRIED = 6
"""Unseen predictions that are tried out, those of the likeliest hypotheses first."""

CONTENDER = 0.05
"""Hypotheses below this are not worth a question."""


class Challenge(Value):
    """What came of the attack."""

    agrees: bool
    """Whether the leading hypothesis stands (or it is agreed that none does)."""
    reason: str
    objections: tuple[Argument, ...] = ()
    questions: tuple[Question, ...] = ()
    """Worth asking, the most telling first."""
    diagnosis: Diagnosis
    """The diagnosis with the objections weighed in, and the probabilities that people are told."""


def challenge(case: CaseFile, diagnosis: Diagnosis, library: Library, *, now: datetime) -> Challenge:
    """Attack the diagnosis."""
    reading = Reading(case)
    attacks = {h.entity + h.cause: tuple(_attack(h, diagnosis=diagnosis, reading=reading)) for h in diagnosis.leading}
    objections = tuple(point for points in attacks.values() for point in points)
    questions = _questions(case, diagnosis, library, reading=reading, now=now)
    after = revised(diagnosis, attacks=attacks, unasked=not questions)
    return Challenge(
        agrees=after.verdict is diagnosis.verdict,
        reason=outcome(diagnosis, after, objections=objections, questions=questions),
        objections=objections,
        questions=questions,
        diagnosis=retold(as_stated(after), before=diagnosis, objections=objections),
    )


def _attack(hypothesis: Hypothesis, *, diagnosis: Diagnosis, reading: Reading) -> Iterator[Argument]:
    yield from _rivals(hypothesis, diagnosis=diagnosis, reading=reading)
    yield from _time_order(hypothesis, reading=reading)
    yield from _one_source(hypothesis, reading=reading)


def _rivals(hypothesis: Hypothesis, *, diagnosis: Diagnosis, reading: Reading) -> Iterator[Argument]:
    """Who explains the same nearly as well. The same failure at a caller is no rival: it is what this one predicts."""
    upstream = set(reading.topology.callers(hypothesis.entity, transitive=True))
    for rival in diagnosis.hypotheses:
        if rival in diagnosis.leading or not set(rival.explains) & set(hypothesis.explains):
            continue
        if rival.cause == hypothesis.cause and rival.entity in upstream:
            continue
        if same_from_outside(rival, hypothesis, reading=reading):
            continue
        if rival.probability * CLOSE > hypothesis.probability:
            where, stands = label_of(rival.entity), percent(stated(rival.probability))
            text = f"{rival.title} at {where} explains the same and stands at {stands}"
            yield Argument(text=text, weight=RIVAL_CLOSE, facts=rival.explains)
            return


def _time_order(hypothesis: Hypothesis, *, reading: Reading) -> Iterator[Argument]:
    """The mechanism should not begin after what it explains."""
    cited = proof_of(hypothesis, reading=reading)
    began = min((f.at for f in cited if f.role is FactRole.MECHANISM and f.at), default=None)
    if began is None:
        return
    explained = [reading.by_id[fact] for fact in hypothesis.explains if fact in reading.by_id]
    early = [fact for fact in telling(explained) if fact.at and fact.at < began - TOLERANCE]
    if early:
        first = min(early, key=lambda fact: (fact.at or began, fact.id))
        text = f"It began at {clock_time(began)}, after what it should explain: {first.text}"
        yield Argument(text=text, weight=LATE_MECHANISM, facts=(first.id,), evidence=first.evidence)


def _one_source(hypothesis: Hypothesis, *, reading: Reading) -> Iterator[Argument]:
    proof = [fact for fact in proof_of(hypothesis, reading=reading) if fact.role is not FactRole.SYMPTOM]
    if len({evidence for fact in proof for evidence in fact.evidence}) == 1 and max(f.strength for f in proof) < WEAK:
        text = f"All of it rests on one uncertain observation: {proof[0].text}"
        yield Argument(text=text, weight=ONE_WEAK_SOURCE, facts=(proof[0].id,), evidence=proof[0].evidence)


# --- Questions -------------------------------------------------------------------------------------------------------


def _questions(
    case: CaseFile, diagnosis: Diagnosis, library: Library, *, reading: Reading, now: datetime
) -> tuple[Question, ...]:
    taken = {question.id for question in case.questions if question.asker is AgentName.CHALLENGER}
    fresh: list[Question] = []
    for question in chain(
        _needed_figures(case, diagnosis, library, reading=reading),
        _unread(diagnosis, reading=reading, round_=case.round),
        _comparing(diagnosis, reading=reading, round_=case.round),
        () if _settled(diagnosis) else _unlooked(case, reading=reading),
        _deciding(case, diagnosis, library, reading=reading, taken=taken, now=now),
    ):
        if question.id not in taken:
            taken.add(question.id)
            fresh.append(question)
        if len(fresh) == MOST_QUESTIONS:
            break
    return tuple(fresh)


SETTLED = 0.85
"""Probability from which it no longer matters who has not looked, nor what else colleagues would like to know."""


def _settled(diagnosis: Diagnosis) -> bool:
    return bool(diagnosis.leading) and all(h.probability >= SETTLED for h in diagnosis.leading)


def _deciding(
    case: CaseFile,
    diagnosis: Diagnosis,
    library: Library,
    *,
    reading: Reading,
    taken: Container[QuestionId],
    now: datetime,
) -> Iterator[Question]:
    """Unseen predictions whose answer, one way or the other, would change the decision.

    Trying one out is an argument held twice: not for what is asked already (`taken`, which grows meanwhile).
    """
    contenders = [h for h in diagnosis.hypotheses if h.probability >= CONTENDER and _is_within(h.entity)]
    tried = [(h, text) for h in contenders for text in h.would_decide][:MOST_TRIED]
    for hypothesis, text in tried:
        line = read_alternative(text)
        because = proof_of(hypothesis, reading=reading)[:3]
        question = _asking(line.kinds[0], hypothesis.entity, case=case, reading=reading, because=because)
        if question.id in taken:
            continue
        if _matters(case, diagnosis, library, line=line, entity=hypothesis.entity, now=now):
            yield question


def _is_within(entity: EntityId) -> bool:
    """Whether anybody here can look at it: of a provider outside only its callers tell."""
    return kind_of(entity) != EntityKind.EXTERNAL


def _matters(
    case: CaseFile,
    diagnosis: Diagnosis,
    library: Library,
    *,
    line: Alternative,
    entity: EntityId,
    now: datetime,
) -> bool:
    assumed = (_with_fact(case, line, entity=entity), _with_absence(case, line.kinds, entity=entity))
    return any(_differs(diagnosis, diagnose(one, library, now=now)) for one in assumed)


def _differs(one: Diagnosis, other: Diagnosis) -> bool:
    if one.verdict is not other.verdict:
        return True
    if [(h.cause, h.entity) for h in one.leading] != [(h.cause, h.entity) for h in other.leading]:
        return True
    chances = [d.hypotheses[0].probability if d.hypotheses else 0.0 for d in (one, other)]
    return abs(chances[0] - chances[1]) >= MOVES


def _with_fact(case: CaseFile, line: Alternative, *, entity: EntityId) -> CaseFile:
    """The case as if the first kind of the line had been seen at the onset."""
    kind, onset = line.kinds[0], case.onset or case.incident.started_at
    conditions = line.where.get(kind)
    role = ROLE_BY_DOMAIN.get(kind.partition(".")[0], FactRole.MECHANISM)
    supposed = Fact(
        id=fact_id(kind=kind, entity=entity, at=onset, attributes={"supposed": True}),
        attributes={name: values[0] for name, values in conditions[0].items()} if conditions else {},
        kind=kind,
        role=role,
        entity=entity,
        at=onset,
        text=f"supposed: {kind}",
        evidence=(EvidenceId("ev-supposed"),),
        detector="challenger",
    )
    return case.model_copy(update={"facts": (*case.facts, supposed)})


ROLE_BY_DOMAIN = {
    "change": FactRole.CHANGE,
    "rollback": FactRole.CHANGE,
    "errors": FactRole.SYMPTOM,
    "latency": FactRole.SYMPTOM,
    "cost": FactRole.STATE,
    "hpa": FactRole.STATE,
}
"""What a supposed fact would be. Rough: it decides whether to ask, never what is concluded."""


def _with_absence(case: CaseFile, kinds: Iterable[FactKind], *, entity: EntityId) -> CaseFile:
    return case.model_copy(update={"covered": case.covered | {f"{kind}@{entity}" for kind in kinds}})


def _needed_figures(case: CaseFile, diagnosis: Diagnosis, library: Library, *, reading: Reading) -> Iterator[Question]:
    """Figures that the cause's actions are computed from: without them the repair cannot be sized."""
    for hypothesis in diagnosis.leading:
        cause = library.cause(hypothesis.cause)
        values = [value for hint in cause.actions for value in hint.arguments.values()] if cause else []
        for value in values:
            if not isinstance(value, Expression) or reading.by_kind.get(value.fact):
                continue
            if f"{value.fact}@{hypothesis.entity}" not in case.covered:
                because = proof_of(hypothesis, reading=reading)[:3]
                yield _asking(value.fact, hypothesis.entity, case=case, reading=reading, because=because)


def _unread(diagnosis: Diagnosis, *, reading: Reading, round_: int) -> Iterator[Question]:
    """Whoever is blamed by others alone is read first: callers see that it fails, its own log says why."""
    for hypothesis in diagnosis.leading or diagnosis.hypotheses[:1]:
        here = kind_of(hypothesis.entity) in PEERS and _is_within(hypothesis.entity)
        if here and hypothesis.probability >= CONTENDER and is_unread(hypothesis, reading=reading):
            yield ask(
                AgentName.CHALLENGER,
                AgentName.OBSERVABILITY,
                Topic.LOGS,
                entities=[hypothesis.entity],
                onset=reading.onset_at(hypothesis.entity),
                because=proof_of(hypothesis, reading=reading)[:3],
                round_=round_,
            )


def _comparing(diagnosis: Diagnosis, *, reading: Reading, round_: int) -> Iterator[Question]:
    """When no known cause stands although something seems wrong, everything around is compared: it costs more."""
    places = sorted(reading.alarmed)[:MOST_PLACES]
    if diagnosis.verdict is Verdict.INCONCLUSIVE and places and HEALTHY not in reading.by_kind:
        yield ask(
            AgentName.CHALLENGER,
            AgentName.OBSERVABILITY,
            Topic.COMPARISON,
            entities=places,
            onset=reading.onset,
            round_=round_,
        )


def _unlooked(case: CaseFile, *, reading: Reading) -> Iterator[Question]:
    """Workloads in distress, or under the alerts, that somebody who could tell more never looked at."""
    looked = {(whom(FactKind(kind))[0], entity) for kind, _, entity in (c.partition("@") for c in case.covered)}
    distressed = _distressed(reading)
    places = [*sorted(reading.alarmed), *distressed]
    known = [entity for entity in dict.fromkeys(places) if entity in case.inventory]
    wanted = [entity for entity in known if kind_of(entity) in PEERS and _is_within(entity)]
    for agent, topic in LOOKERS:
        missed = [entity for entity in wanted if (agent, entity) not in looked][:MOST_PLACES]
        if missed:
            because = [fact for entity in missed for fact in distressed.get(entity, ())][:3]
            yield ask(
                AgentName.CHALLENGER,
                agent,
                topic,
                entities=missed,
                onset=reading.onset,
                because=because,
                round_=case.round,
            )


LOOKERS = (
    (AgentName.OBSERVABILITY, Topic.HEALTH),
    (AgentName.KUBERNETES, Topic.HEALTH),
    (AgentName.CICD, Topic.CHANGES),
)
"""Who should have looked at everything that is under suspicion, and what they are asked."""

MOST_PLACES = 6
"""Entities of one such question."""


def _distressed(reading: Reading) -> dict[EntityId, list[Fact]]:
    found: dict[EntityId, list[Fact]] = {}
    for fact in reading.facts:
        if fact.role in DISTRESS and kind_of(fact.entity) in PEERS:
            found.setdefault(fact.entity, []).append(fact)
    return found


def _asking(kind: FactKind, entity: EntityId, *, case: CaseFile, reading: Reading, because: Iterable[Fact]) -> Question:
    agent, topic = whom(kind)
    return ask(
        AgentName.CHALLENGER,
        agent,
        topic,
        entities=[entity],
        onset=reading.onset_at(entity),
        because=because,
        round_=case.round,
    )
