"""What the Kubernetes specialist asks its colleagues because of what it found. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence

from agents.detector import Sightings
from agents.reporting import question
from agents.wording import clock_time
from incidents.casefile import Assignment
from incidents.entity import Entity
from incidents.fact import Fact, FactRole
from incidents.finding import AgentName, Question, Topic
from incidents.ids import EntityId
from incidents.topology import Topology
from tools.kubernetes.log import Logs
from tools.kubernetes.naming import Directory

MOST = 8
"""Questions of one round; the supervisor chooses among them."""
_WORD = re.compile(r"[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*", re.IGNORECASE)
_FAILS = re.compile(
    r"refused|timed? ?out|no such host|unreachable|reset by peer|ECONNREFUSED|ETIMEDOUT|ENOTFOUND|unavailable"
    r"|broken pipe|no route",
    re.IGNORECASE,
)


def questions_of(
    assignment: Assignment, facts: Sequence[Fact], sightings: Sightings, topology: Topology, *, near: Sequence[EntityId]
) -> tuple[Question, ...]:
    """Questions worth asking, about what is nearest first, each once."""
    order = {entity: place for place, entity in enumerate(near)}
    nearest = sorted(facts, key=lambda fact: order.get(fact.entity, len(order)))
    found: dict[str, Question] = {}
    for asked in (*_about_facts(assignment, nearest), *_about_peers(assignment, sightings, topology)):
        found.setdefault(asked.id, asked)
    return tuple(found.values())[:MOST]


def _about_facts(assignment: Assignment, facts: Iterable[Fact]) -> Iterator[Question]:
    for fact in facts:
        label = Entity.parse(fact.entity).label
        match fact.kind:
            case "container.oom_killed":
                yield _usage_before(assignment, fact, label)
                yield _changes(assignment, fact, label)
            case "pod.unschedulable" if fact.attributes.get("reason") in {"cpu", "memory"}:
                yield question(
                    assignment,
                    AgentName.COST,
                    Topic.COST,
                    entities=[fact.entity],
                    text=f"how much of what {label} and its neighbours request do they use?",
                    because=[fact],
                )
            case "probe.liveness_failing" | "probe.readiness_failing" if fact.attributes.get("reason") == "timeout":
                yield _health(assignment, fact, f"is {label} throttled or slow{_since(fact)}?")
            case "quota.exceeded" | "hpa.at_max":
                yield _health(assignment, fact, f"did the traffic of {label} grow{_since(fact)}?")
            case kind if kind.startswith("node.") and fact.role is FactRole.MECHANISM:
                yield _health(assignment, fact, f"what do the metrics of {label} say{_since(fact)}?")
            case "service.selector_mismatch" | "service.port_mismatch" | "networkpolicy.blocks":
                yield _changes(assignment, fact, label)
            case _:
                continue


def _since(fact: Fact) -> str:
    return f" since {clock_time(fact.at)}" if fact.at else ""


def _usage_before(assignment: Assignment, fact: Fact, label: str) -> Question:
    when = f"before {clock_time(fact.at)}" if fact.at else "before the first kill"
    return question(
        assignment,
        AgentName.OBSERVABILITY,
        Topic.USAGE_BEFORE,
        entities=[fact.entity],
        text=f"what memory did {label} use {when}?",
        because=[fact],
        before=fact.at,
    )


def _changes(assignment: Assignment, fact: Fact, label: str) -> Question:
    when = f"before {clock_time(fact.at)}" if fact.at else "lately"
    return question(
        assignment,
        AgentName.CICD,
        Topic.CHANGES,
        entities=[fact.entity],
        text=f"what changed on {label} {when}?",
        because=[fact],
        before=fact.at,
    )


def _health(assignment: Assignment, fact: Fact, text: str) -> Question:
    return question(
        assignment, AgentName.OBSERVABILITY, Topic.HEALTH, entities=[fact.entity], text=text, because=[fact]
    )


def _about_peers(assignment: Assignment, sightings: Sightings, topology: Topology) -> Iterator[Question]:
    """Dependencies that logs say cannot be reached: named in text, but only believed when the inventory has them."""
    for caller, callee in failing_peers(sightings, topology):
        asker, peer = Entity.parse(caller).label, Entity.parse(callee).label
        for colleague in (AgentName.KUBERNETES, AgentName.OBSERVABILITY):
            yield question(
                assignment,
                colleague,
                Topic.HEALTH,
                entities=[callee],
                text=f"{asker} cannot reach {peer}: is {peer} healthy?",
            )


def failing_peers(sightings: Sightings, topology: Topology) -> tuple[tuple[EntityId, EntityId], ...]:
    """(caller, callee) of calls that the caller's logs say fail, for callees that the topology knows as such."""
    found: dict[tuple[EntityId, EntityId], None] = {}
    for seen in sightings.of(Logs):
        for log in seen.view.logs:
            callees = topology.callees(log.workload)
            services = _directory(callees, topology)
            for line in log.lines:
                if not _FAILS.search(line.text):
                    continue
                for word in _WORD.findall(line.text):
                    callee = services.find(word, namespace=Entity.parse(log.workload).namespace or "")
                    if callee is not None:
                        found[(log.workload, callee)] = None
    return tuple(found)


def _directory(callees: Iterable[EntityId], topology: Topology) -> Directory:
    """Names of the services that lead to the callees, and of outside hosts."""
    names: dict[tuple[str, str], EntityId] = {}
    for callee in callees:
        for service in map(Entity.parse, (*topology.services_of(callee), callee)):
            names[(service.namespace or "", service.name)] = callee
    return Directory(services=names)
