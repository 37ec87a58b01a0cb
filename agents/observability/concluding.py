"""What the observability specialist claims, rules out and asks, from the facts of one round. Pure."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from agents.reporting import finding, question
from agents.wording import clock_time, listed
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
_HURTS = ("errors.elevated", "latency.elevated", "traffic.drop", "traffic.surge")
"""Kinds that say what hurts, in the order in which people want to hear them; told in one sentence per workload."""
_TOLD = (
    "memory.at_limit",
    "memory.growing",
    "saturation.cpu_throttled",
    "saturation.cpu_high",
    "connections.exhausted",
    "threads.exhausted",
    "fd.exhausted",
    "queue.growing",
    "disk.nearly_full",
    "node.",
    "log.error_class",
    "log.new_pattern",
    "memory.used_before",
    "estate.healthy",
    "telemetry.missing",
)
"""Kinds (or their beginnings) that are findings by themselves, in the order in which people want to hear them."""
MOST_OF_A_KIND = 2
MOST_NAMED = 4


def findings(
    assignment: Assignment,
    facts: Sequence[Fact],
    *,
    near: Sequence[EntityId],
    behind: Collection[EntityId],
    at: datetime,
) -> tuple[Finding, ...]:
    """What hurts, who came first, what it is short of, what the logs say, who suffers, what else fires."""
    place = {entity: number for number, entity in enumerate(dict.fromkeys(near))}
    ordered = sorted(facts, key=lambda fact: (place.get(fact.entity, len(place)), fact.kind, fact.text))
    groups = [
        *_hurting(ordered),
        *_order(facts, now=at),
        *_single(ordered, assignment.topic),
        *_callees(ordered, behind),
        *_victims(ordered),
        *_alerts(ordered),
    ]
    told = [finding(assignment, group, at=at, text=text) for text, group in groups[:MOST_FINDINGS]]
    out = tuple(ruled_out(facts))
    if told and out:
        told[0] = told[0].model_copy(update={"ruled_out": out})
    return tuple(told)


Claim = tuple[str, list[Fact]]
"""A sentence, and the facts that it rests on."""


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


def _hurting(facts: Iterable[Fact]) -> Iterator[Claim]:
    """One sentence per workload: its errors, its latency, its traffic."""
    by_entity: dict[EntityId, list[Fact]] = {}
    for fact in facts:
        if fact.kind in _HURTS:
            by_entity.setdefault(fact.entity, []).append(fact)
    for entity, group in list(by_entity.items())[:MOST_NAMED]:
        group.sort(key=lambda fact: _HURTS.index(fact.kind))
        rest = [fact.text.removeprefix(f"{name_of(entity)}: ") for fact in group[1:]]
        yield "; ".join([group[0].text, *rest]), group


def _order(facts: Iterable[Fact], *, now: datetime) -> Iterator[Claim]:
    """`in trouble first: payments (02:31), then checkout (02:33)`, when the times can be told apart."""
    earliest: dict[EntityId, Fact] = {}
    for fact in facts:
        if fact.kind in _ONSETS and fact.at is not None and fact.until is None:
            known = earliest.get(fact.entity)
            if known is None or _time(fact) < _time(known):
                earliest[fact.entity] = fact
    order = sorted(earliest.values(), key=_time)
    if len(order) > 1 and _time(order[-1]) - _time(order[0]) >= APART:
        steps = [f"{name_of(fact.entity)} ({clock_time(_time(fact), now=now)})" for fact in order[:MOST_NAMED]]
        yield f"in trouble first: {steps[0]}, then {', then '.join(steps[1:])}", order


def _single(facts: Sequence[Fact], topic: Topic) -> Iterator[Claim]:
    for kind in _TOLD:
        own = [fact for fact in facts if fact.kind == kind or (kind.endswith(".") and fact.kind.startswith(kind))]
        own = [fact for fact in own if _is_news(fact, facts, topic)]
        yield from ((fact.text, [fact]) for fact in own[:MOST_OF_A_KIND])


def _is_news(fact: Fact, facts: Iterable[Fact], topic: Topic) -> bool:
    """Whether a fact says something that others do not, and that matters to the question."""
    if fact.kind == "log.new_pattern":
        return not any(other.kind == "log.error_class" and other.entity == fact.entity for other in facts)
    if fact.kind == "memory.used_before":
        short = ("memory.at_limit", "memory.growing")
        return topic is Topic.USAGE_BEFORE or any(f.kind in short and f.entity == fact.entity for f in facts)
    return True


def _callees(facts: Iterable[Fact], behind: Collection[EntityId]) -> Iterator[Claim]:
    """Dependencies that fail or are slow; calls to what is asked about are told as its own errors."""
    for fact in facts:
        if fact.kind in ("dependency.errors", "dependency.slow") and fact.entity in behind:
            yield fact.text, [fact]


def _victims(facts: Iterable[Fact]) -> Iterator[Claim]:
    suffering: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.kind == "upstream.affected":
            suffering.setdefault(str(fact.attributes.get("callee", "")), []).append(fact)
    for callee, group in suffering.items():
        names = listed(name_of(fact.entity) for fact in group)
        verb = "suffers" if len(group) == 1 else "suffer"
        yield f"{names} {verb} from {callee} since {clock_time(min(map(_time, group)))}", group


def _alerts(facts: Iterable[Fact]) -> Iterator[Claim]:
    firing = [fact for fact in facts if fact.kind == "alert.also_firing"]
    if firing:
        names = (f"{fact.attributes.get('alertname')} ({name_of(fact.entity)})" for fact in firing)
        yield f"also firing: {listed(names, enough=MOST_NAMED)}", firing


def _time(fact: Fact) -> datetime:
    assert fact.at is not None
    return fact.at


def questions(assignment: Assignment, facts: Sequence[Fact], *, behind: Collection[EntityId]) -> tuple[Question, ...]:
    """What a colleague could tell about a node or dependency (`behind` what was asked about) that is in trouble."""
    if assignment.topic is not Topic.OVERVIEW:
        return ()
    found: dict[str, Question] = {one.id: one for one in _whose_change(assignment, facts)}
    for fact in sorted((fact for fact in facts if fact.at is not None), key=_time):
        for one in _asking(assignment, fact, behind=behind):
            found.setdefault(one.id, one)
    return tuple(found.values())[:MOST_QUESTIONS]


SAYING_HOW = ("log.error_class", "log.new_pattern", "trace.error_origin", "trace.slow_origin", "metric.shifted")
"""Kinds that say how something fails, so that it can be held against what was changed."""


def _whose_change(assignment: Assignment, facts: Sequence[Fact]) -> Iterator[Question]:
    """Who knows the changes is told how it fails: only now can a diff be held against it."""
    telling = [fact for fact in facts if fact.kind in SAYING_HOW and fact.at and _is_workload(fact.entity)]
    telling.sort(key=_time)
    about = tuple(dict.fromkeys(fact.entity for fact in telling))[:MOST_NAMED]
    if about:
        yield question(
            assignment,
            AgentName.CICD,
            Topic.CHANGES,
            entities=about,
            text=f"which change can make {listed(name_of(entity) for entity in about)} fail so?",
            because=telling[:MOST_NAMED],
        )


def _asking(assignment: Assignment, fact: Fact, *, behind: Collection[EntityId]) -> Iterator[Question]:
    when = f" since {clock_time(_time(fact))}"
    if fact.kind in ("dependency.errors", "dependency.slow") and fact.entity in behind and _is_workload(fact.entity):
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
        for peer in filter(_is_workload, fact.related):
            text = f"is {name_of(peer)} healthy? {name_of(fact.entity)} complains about it in its log{when}"
            yield question(assignment, AgentName.KUBERNETES, Topic.HEALTH, entities=[peer], text=text, because=[fact])


def _is_workload(entity: EntityId) -> bool:
    return Entity.parse(entity).kind is not EntityKind.EXTERNAL
