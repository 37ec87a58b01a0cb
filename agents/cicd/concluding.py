"""What the specialist for changes claims, asks and rules out, from the facts of one round. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.cicd.hands import Hand, hand_of
from agents.cicd.period import Period
from agents.reporting import finding, question
from agents.wording import clock_time, listed
from incidents.action import name_of
from incidents.casefile import Assignment, CaseFile
from incidents.entity import Entity
from incidents.fact import Fact, FactRole
from incidents.finding import AgentName, Finding, Gap, Question, RuledOut, Topic
from incidents.ids import EntityId, FactKind
from incidents.topology import Relation

MOST_FINDINGS = 8
MOST_QUESTIONS = 4
MOST_RULED_OUT = 6
FRESH = timedelta(hours=2)
"""A deploy this long before the onset is worth asking a colleague about: most faults show within an hour."""

_HEADLINES = (
    "change.memory_limit_lowered",
    "change.cpu_limit_lowered",
    "change.scaled_down",
    "change.manual",
    "change.config_ref_changed",
    "change.configmap_edited",
    "change.secret_edited",
    "change.flag",
    "change.command_changed",
    "change.env_changed",
    "change.probe_changed",
    "change.port_changed",
    "change.selector_changed",
    "change.labels_changed",
    "change.volume_changed",
    "change.affinity_changed",
    "change.security_changed",
    "change.containers_changed",
    "change.requests_changed",
    "change.replicas_changed",
    "rollback.recent",
    "change.code",
    "change.image_changed",
    "change.memory_limit_raised",
    "change.cpu_limit_raised",
    "change.restarted",
    "change.deployed",
    "change.near_onset",
)
"""Kinds in the order in which people want to hear them: of several facts about one change the first is its headline."""
_SAYS_NO_MORE = frozenset(
    {
        "change.deployed",
        "change.near_onset",
        "rollback.recent",
        "change.manual",
        "change.replicas_changed",
        "change.configmap_edited",
        "change.secret_edited",
    }
)
"""Kinds that say the same as a more telling one about the same change."""
_LIMITS = frozenset({"change.memory_limit_lowered", "change.cpu_limit_lowered", "change.requests_changed"})
_BEHAVIOUR = frozenset(
    {
        "change.image_changed",
        "change.env_changed",
        "change.flag",
        "change.code",
        "change.config_ref_changed",
        "change.configmap_edited",
        "change.secret_edited",
        "change.command_changed",
    }
)
_DELIVERY = ("deploy.", "workflow.", "argocd.")


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What the conclusions rest on besides the facts."""

    assignment: Assignment
    case: CaseFile
    period: Period
    now: datetime
    near: tuple[EntityId, ...]
    """What this round is about, nearest first."""

    def distance(self, fact: Fact) -> int:
        """Place of the nearest entity that a fact speaks of."""
        order = {entity: place for place, entity in enumerate(self.near)}
        return min(order.get(entity, len(order)) for entity in (fact.entity, *fact.related))


def findings(facts: Sequence[Fact], given: Circumstances) -> tuple[Finding, ...]:
    """Changes before the onset, one finding per change, nearest and latest first; then delivery; then none."""
    groups = _groups([fact for fact in facts if _suspicious(fact, given)])
    groups.sort(
        key=lambda group: (given.distance(group[0]) >= len(given.near), -_stamp(group[0]), given.distance(group[0]))
    )
    delivery = [[fact] for fact in facts if fact.kind.startswith(_DELIVERY) and fact.role is not FactRole.STATE]
    unchanged = [fact for fact in facts if fact.kind == "change.none"]
    late = [fact for fact in facts if fact.kind == "change.after_onset"]
    out = ruled_out(facts, given)
    found = [
        finding(given.assignment, group, at=given.now, text=_claim(group), ruled_out=out if place == 0 else ())
        for place, group in enumerate((*groups[:MOST_FINDINGS], *delivery))
    ]
    if unchanged:
        found.append(finding(given.assignment, unchanged, at=given.now, text=_nothing(unchanged, given)))
    if not groups and late:
        found.append(finding(given.assignment, late[:1], at=given.now, ruled_out=out))
    return tuple(found[:MOST_FINDINGS])


def _suspicious(fact: Fact, given: Circumstances) -> bool:
    if fact.role is not FactRole.CHANGE:
        return False
    asked = given.assignment.question
    if asked is not None and given.distance(fact) >= len(given.near):
        return False
    if asked is not None and asked.before is not None and fact.at is not None and fact.at > asked.before:
        return False
    return fact.at is None or given.period.recent(fact.at)


def _groups(facts: Iterable[Fact]) -> list[list[Fact]]:
    """Facts about one change together, its headline first."""
    found: dict[tuple[EntityId, datetime | None], list[Fact]] = {}
    for fact in facts:
        found.setdefault((fact.entity, fact.at), []).append(fact)
    return [sorted(group, key=_rank) for group in found.values()]


def _rank(fact: Fact) -> int:
    return _HEADLINES.index(fact.kind) if fact.kind in _HEADLINES else len(_HEADLINES)


def _stamp(fact: Fact) -> float:
    return fact.at.timestamp() if fact.at else 0.0


def _claim(group: Sequence[Fact]) -> str:
    """The headline, and how many further fields the same change touched."""
    more = [fact for fact in group[1:] if fact.kind not in _SAYS_NO_MORE]
    if not more or group[0].kind in _SAYS_NO_MORE - {"change.manual"}:
        return group[0].text
    kinds = listed(fact.kind.partition(".")[2].replace("_", " ") for fact in more)
    return f"{group[0].text}; also: {kinds}"


def _nothing(facts: Sequence[Fact], given: Circumstances) -> str:
    names = listed(name_of(fact.entity) for fact in sorted(facts, key=given.distance))
    since = str(facts[0].attributes["since"])
    return f"nothing changed on {names} since {clock_time(datetime.fromisoformat(since), now=given.now)}"


def ruled_out(facts: Iterable[Fact], given: Circumstances) -> tuple[RuledOut, ...]:
    """Changes that came after the onset, and changes that no request path leads to."""
    return (*_late(facts), *_apart(facts, given))[:MOST_RULED_OUT]


def _late(facts: Iterable[Fact]) -> Iterator[RuledOut]:
    for fact in facts:
        if fact.kind == "change.after_onset":
            minutes = fact.attributes["minutes_after"]
            yield RuledOut(
                suspicion=fact.text.partition(" came ")[0],
                entity=fact.entity,
                because=f"it came {minutes} min after the trouble had begun",
                evidence=fact.evidence,
            )


def _apart(facts: Iterable[Fact], given: Circumstances) -> Iterator[RuledOut]:
    """Rollouts of workloads that what hurts does not call; only where it is known what it calls."""
    hurt = [
        entity
        for entity in map(given.case.topology.owner_of, given.assignment.entities)
        if Entity.parse(entity).is_workload
    ]
    known = [entity for entity in hurt if given.case.topology.targets(entity, Relation.CALLS)]
    if not hurt or len(known) < len(hurt):
        return
    for fact in facts:
        if fact.kind != "change.deployed" or fact.entity in hurt or not given.period.recent(fact.at):
            continue
        if not any(_connected(one, fact.entity, given) for one in hurt):
            yield RuledOut(
                suspicion=fact.text,
                entity=fact.entity,
                because=f"no request path connects {listed(name_of(one) for one in hurt)} and {name_of(fact.entity)}",
                evidence=fact.evidence,
            )


def _connected(one: EntityId, other: EntityId, given: Circumstances) -> bool:
    """Whether requests go from one to the other, either way: a caller that changed may ask too much."""
    topology = given.case.topology
    return topology.call_path(one, other) is not None or topology.call_path(other, one) is not None


def questions(facts: Sequence[Fact], given: Circumstances) -> tuple[Question, ...]:
    """What a colleague could tell that would settle whether a change is to blame."""
    near = [fact for fact in facts if given.distance(fact) < len(given.near) and _fresh(fact, given)]
    near.sort(key=lambda fact: (_rank(fact), given.distance(fact)))
    found = {one.id: one for fact in near for one in _asking(fact, given)}
    return tuple(found.values())[:MOST_QUESTIONS]


def gaps(facts: Sequence[Fact], given: Circumstances) -> tuple[Gap, ...]:
    """Suspicious rollouts whose commit nobody tells: the person who decides should know that no one looked at it."""
    return tuple(
        Gap(
            agent=given.assignment.agent,
            what=f"the commit behind revision {fact.attributes['revision']} of {name_of(fact.entity)}",
            why="neither its labels and image, nor Argo CD's history, nor a GitHub deployment names one",
            entities=(fact.entity,),
        )
        for fact in facts
        if fact.kind == "change.deployed"
        and "commit" not in fact.attributes
        and given.period.recent(fact.at)
        and given.distance(fact) < len(given.near)
        and hand_of(str(fact.attributes.get("actor", ""))) is not Hand.PERSON
    )


def _fresh(fact: Fact, given: Circumstances) -> bool:
    return fact.at is not None and given.period.recent(fact.at) and given.period.onset - fact.at <= FRESH


def _asking(fact: Fact, given: Circumstances) -> Iterator[Question]:
    assert fact.at is not None
    at, users = clock_time(fact.at, now=given.now), _workloads(fact)
    names = listed(name_of(one) for one in users)
    if not users:
        return
    if fact.kind in _LIMITS:
        text = f"what did {names} use before {at}?"
        yield _ask(Topic.USAGE_BEFORE, fact, users, text=text, given=given)
    elif fact.kind in _BEHAVIOUR:
        text = f"what do the logs of {names} say since {at} that they did not say before?"
        yield _ask(Topic.LOGS, fact, users, text=text, given=given)
    elif fact.kind == FactKind("change.deployed") and fact.entity not in given.assignment.entities:
        yield _ask(Topic.HEALTH, fact, users, text=f"is {names} well since {at}?", given=given)


def _ask(topic: Topic, fact: Fact, users: Sequence[EntityId], *, text: str, given: Circumstances) -> Question:
    return question(
        given.assignment,
        AgentName.OBSERVABILITY,
        topic,
        entities=users,
        text=text,
        because=[fact],
        before=fact.at,
    )


def _workloads(fact: Fact) -> tuple[EntityId, ...]:
    return tuple(one for one in (fact.entity, *fact.related) if Entity.parse(one).is_workload)
