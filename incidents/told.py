"""What a person tells of an incident, by a small grammar: a claim is kept as evidence of its own kind, and looked into.

A claim proves nothing: it opens a question to the specialist who can see whether it is so, and what is then seen counts
by itself. So a person's word, or whoever pretends to be one, can never carry a cause or a proposal.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from incidents.canonical import digest_of, short
from incidents.entity import WORKLOADS, Entity
from incidents.evidence import Evidence, Source
from incidents.finding import AgentName, Question, Topic
from incidents.ids import EntityId, QuestionId
from incidents.value import Value

PROBE = "people.told"
MOST_TEXT, MOST_NAMED = 300, 3
AHEAD = timedelta(minutes=5)
"""A time of the day that lies farther ahead is yesterday's."""

_CHANGED = re.compile(
    r"\b(?:deployed|released|rolled (?:out|back)|restarted|scaled|upgraded|downgraded|migrated|rotated|changed|edited"
    r"|lowered|raised|increased|decreased|patched|applied|deleted|removed|enabled|disabled|switched|reverted|merged|renamed)\b",
    re.IGNORECASE,
)
_ILL = re.compile(
    r"\b(?:is|was|are|were|been|looks|seems)\s+(?:\w+\s+)?(?:down|slow|unhealthy|degraded|failing|overloaded|broken|full)\b",
    re.IGNORECASE,
)
_NO_CLAIM = re.compile(
    r"\?\s*$|\b(?:not|never|nobody|no one|should|could|would|can|may|might|will|let's|let us|please|if|maybe|perhaps)\b"
    r"|n['\u2019]t\b",
    re.IGNORECASE,
)
"""Denied, wished for or wondered about: nothing that happened."""
_TIME = re.compile(r"\b(?:at|around|about|since|by)\s+(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)\b", re.IGNORECASE)


class Claim(Value):
    """Something that is said to have happened, or to be so."""

    text: str
    topic: Topic
    """CHANGES or HEALTH."""
    entities: tuple[EntityId, ...]
    """Those that it names, of the ones that are known to exist."""
    at: datetime | None = None
    """When, as it was said."""


def claim_of(text: str, *, known: Collection[EntityId], now: datetime) -> Claim | None:
    """The claim, when it is one and names something that exists. Pure."""
    clean = " ".join(text.split())[:MOST_TEXT]
    if _NO_CLAIM.search(clean):
        return None
    topic = Topic.CHANGES if _CHANGED.search(clean) else Topic.HEALTH if _ILL.search(clean) else None
    named = _named(clean, known)
    if topic is None or not named:
        return None
    return Claim(text=clean, topic=topic, entities=named, at=_moment(clean, now=now))


def evidence_of(claim: Claim, *, by: str, now: datetime) -> Evidence:
    """The claim as what it is: told by a person. The caller redacted its text."""
    return Evidence.of(
        probe=PROBE,
        source=Source.MIDWATCH,
        query=f"told by {by}",
        observed_at=now,
        body=claim.text,
        entities=claim.entities,
        title=f"told by {by}",
    )


def question_about(claim: Claim, told: Evidence, *, by: str) -> Question:
    """What the specialist who can see it is asked."""
    to = AgentName.CICD if claim.topic is Topic.CHANGES else AgentName.OBSERVABILITY
    when = f" around {claim.at:%H:%M}" if claim.at else ""
    asked = f"what changed there{when}?" if claim.topic is Topic.CHANGES else f"is that so{when}?"
    return Question(
        id=QuestionId("qu-" + short(digest_of({"told": told.id, "to": to.value}))),
        asker=AgentName.SUPERVISOR,
        to=to,
        topic=claim.topic,
        entities=claim.entities,
        text=f"{by} says: {claim.text.rstrip('.')}; {asked}",
        told=told.id,
        round=1,
    )


def _named(text: str, known: Collection[EntityId]) -> tuple[EntityId, ...]:
    """Workloads whose whole name stands in the text, in the order of their ids."""
    words = {word.strip(".-_").casefold() for word in re.findall(r"[\w.-]+", text)}
    called = (entity for entity in sorted(known) if entity.rsplit("/", 1)[-1].casefold() in words)
    return tuple(entity for entity in called if _is_workload(entity))[:MOST_NAMED]


def _is_workload(entity: EntityId) -> bool:
    try:
        return Entity.parse(entity).kind in WORKLOADS
    except ValueError:
        return False


def _moment(text: str, *, now: datetime) -> datetime | None:
    found = _TIME.search(text)
    if found is None:
        return None
    today = now.astimezone(UTC).replace(hour=int(found["hour"]), minute=int(found["minute"]), second=0, microsecond=0)
    return today if today <= now + AHEAD else today - timedelta(days=1)
