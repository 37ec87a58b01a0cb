"""Whom to ask for a kind of fact, about what, and in which words: the shape of every question between agents."""

from collections.abc import Iterable
from datetime import datetime

from agents.diagnostician.wording import label_of
from agents.reporting import question
from agents.wording import clock_time, listed
from incidents.casefile import Assignment
from incidents.fact import Fact
from incidents.finding import AgentName, Question, Topic
from incidents.ids import EntityId, FactKind

_NODE_FIGURES = frozenset({"cpu_high", "memory_low", "disk_low", "network_errors"})
"""Facts about nodes that are read from metrics; the others are conditions that Kubernetes knows."""

_BY_DOMAIN: dict[str, tuple[AgentName, Topic]] = {
    **dict.fromkeys(("change", "deploy", "argocd", "workflow", "rollback"), (AgentName.CICD, Topic.CHANGES)),
    **dict.fromkeys(
        (
            *("errors", "latency", "traffic", "saturation", "memory", "disk", "connections", "queue", "threads", "fd"),
            *("metric", "upstream", "telemetry", "alert", "estate"),
        ),
        (AgentName.OBSERVABILITY, Topic.HEALTH),
    ),
    "log": (AgentName.OBSERVABILITY, Topic.LOGS),
    "dependency": (AgentName.OBSERVABILITY, Topic.DEPENDENCIES),
    "cost": (AgentName.COST, Topic.COST),
}


def whom(kind: FactKind) -> tuple[AgentName, Topic]:
    """The specialist that can see this kind of fact, and the topic under which to ask for it."""
    domain, _, what = kind.partition(".")
    if what.endswith("_before"):
        return AgentName.OBSERVABILITY, Topic.USAGE_BEFORE
    if domain == "anomaly":
        return AgentName.OBSERVABILITY, Topic.COMPARISON
    if domain == "node" and what in _NODE_FIGURES:
        return AgentName.OBSERVABILITY, Topic.HEALTH
    return _BY_DOMAIN.get(domain, (AgentName.KUBERNETES, Topic.HEALTH))


def ask(
    asker: AgentName,
    to: AgentName,
    topic: Topic,
    *,
    entities: Iterable[EntityId],
    onset: datetime,
    because: Iterable[Fact] = (),
    round_: int,
) -> Question:
    """A question as a colleague would ask it. The same question has the same id, whoever asks."""
    about = tuple(dict.fromkeys(entities))
    names, when = listed(label_of(entity) for entity in about), clock_time(onset)
    assignment = Assignment(agent=asker, topic=topic, entities=about, round=max(round_, 1))
    return question(
        assignment,
        to,
        topic,
        entities=about,
        text=TEXTS[topic].format(names=names, when=when, be="is" if len(about) == 1 else "are"),
        because=because,
        before=onset if topic in BEFORE else None,
    )


BEFORE = frozenset({Topic.USAGE_BEFORE, Topic.CHANGES})
"""Topics that ask about the time before the onset."""

TEXTS = {
    Topic.OVERVIEW: "what do you see at {names}?",
    Topic.USAGE_BEFORE: "what did {names} use before {when}?",
    Topic.CHANGES: "what changed on {names} before {when}?",
    Topic.HEALTH: "{be} {names} healthy, and since when not?",
    Topic.LOGS: "what do the logs of {names} say since {when} that they did not say before?",
    Topic.DEPENDENCIES: "how do the callers and callees of {names} do since {when}?",
    Topic.COMPARISON: "of all workloads around {names}, whose metrics departed farthest from their past since {when}?",
    Topic.COST: "what does {names} cost, and how much of it is used?",
}
