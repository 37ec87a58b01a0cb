"""What the observability specialist claims, rules out and asks, from the facts of one round. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from agents.reporting import finding, findings_of, question
from agents.wording import clock_time
from incidents.action import name_of
from incidents.casefile import Assignment
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact
from incidents.finding import AgentName, Finding, Question, RuledOut, Topic
from incidents.ids import EntityId

MOST_FINDINGS = 10
MOST_QUESTIONS = 4
"""Questions to colleagues in one round."""
APART = timedelta(seconds=60)
"""Onsets closer together than this cannot be put in an order: rates look back over a minute or two."""
_ONSETS = ("errors.elevated", "dependency.errors", "latency.elevated", "dependency.slow")
"""Kinds whose times say who was in trouble when."""
_BACKGROUND = ("metric.shifted", "metric.outlier", "alert.silenced", "dependency.healthy")
"""Kinds that are no findings by themselves."""


def findings(
    assignment: Assignment, facts: Sequence[Fact], *, near: Sequence[EntityId], at: datetime
) -> tuple[Finding, ...]:
    """The order of the onsets first, then one finding per fact that is worth telling."""
    worth = [fact for fact in facts if fact.kind not in _BACKGROUND]
    told = list(findings_of(assignment, worth, near=near, at=at, most=MOST_FINDINGS))
    told += [finding(assignment, [fact], at=at) for fact in facts if fact.kind == "memory.used_before"][:2]
    order = _order(facts)
    if len(order) > 1:
        told.insert(0, finding(assignment, order, at=at, text=_story(order, now=at)))
    out = tuple(ruled_out(facts))
    if told and out:
        told[0] = told[0].model_copy(update={"ruled_out": out})
    return tuple(told)


def ruled_out(facts: Iterable[Fact]) -> Iterator[RuledOut]:
    """Dependencies that are as they were."""
    for fact in facts:
        if fact.kind == "dependency.healthy":
            yield RuledOut(
                suspicion=f"{name_of(fact.entity)} as the cause",
                entity=fact.entity,
                because=fact.text,
                evidence=fact.evidence,
            )


def _order(facts: Iterable[Fact]) -> list[Fact]:
    """The first trouble of each entity, in the order of time; empty when they cannot be told apart."""
    earliest: dict[EntityId, Fact] = {}
    for fact in facts:
        if fact.kind in _ONSETS and fact.at is not None and fact.until is None:
            known = earliest.get(fact.entity)
            if known is None or known.at is None or fact.at < known.at:
                earliest[fact.entity] = fact
    order = sorted(earliest.values(), key=_time)
    return order if len(order) > 1 and _time(order[-1]) - _time(order[0]) >= APART else []


def _story(order: Sequence[Fact], *, now: datetime) -> str:
    """`payments is in trouble first (02:31), then checkout (02:33), then web (02:34)`."""
    steps = [f"{name_of(fact.entity)} ({clock_time(_time(fact), now=now)})" for fact in order[:5]]
    return f"in trouble first: {steps[0]}, then {', then '.join(steps[1:])}"


def _time(fact: Fact) -> datetime:
    assert fact.at is not None
    return fact.at


def questions(assignment: Assignment, facts: Sequence[Fact], *, asked: Sequence[EntityId]) -> tuple[Question, ...]:
    """What a colleague could tell about a dependency or node that was in trouble."""
    if assignment.topic is not Topic.OVERVIEW:
        return ()
    own = set(asked)
    found: dict[str, Question] = {}
    for fact in sorted((fact for fact in facts if fact.at is not None), key=_time):
        for one in _asking(assignment, fact, own=own):
            found.setdefault(one.id, one)
    return tuple(found.values())[:MOST_QUESTIONS]


def _asking(assignment: Assignment, fact: Fact, *, own: set[EntityId]) -> Iterator[Question]:
    when = f" since {clock_time(_time(fact))}"
    if fact.kind in ("dependency.errors", "dependency.slow") and fact.entity not in own and _is_workload(fact.entity):
        name = name_of(fact.entity)
        for to, topic, text in (
            (AgentName.KUBERNETES, Topic.HEALTH, f"is {name} healthy? calls to it are in trouble{when}"),
            (AgentName.CICD, Topic.CHANGES, f"what changed on {name} before {clock_time(_time(fact))}?"),
        ):
            yield question(assignment, to, topic, entities=[fact.entity], text=text, because=[fact], before=_time(fact))
    if fact.kind.startswith("node.") or fact.kind == "disk.nearly_full":
        text = f"what do you see on {Entity.parse(fact.entity).label}{when}?"
        yield question(
            assignment, AgentName.KUBERNETES, Topic.HEALTH, entities=[fact.entity], text=text, because=[fact]
        )
    if fact.kind == "log.error_class":
        for peer in fact.related:
            text = f"is {name_of(peer)} healthy? {name_of(fact.entity)} complains about it in its log{when}"
            yield question(assignment, AgentName.KUBERNETES, Topic.HEALTH, entities=[peer], text=text, because=[fact])


def _is_workload(entity: EntityId) -> bool:
    return Entity.parse(entity).kind is not EntityKind.EXTERNAL
