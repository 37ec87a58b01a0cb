"""What every specialist does with what it saw: states facts, runs its detectors, words findings, asks, and reports.

It holds no knowledge of any system. The detectors bring that; the specialist brings the order of the questions.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from agents.detector import Detector, Scene, Sightings, detectors
from agents.specialist import Desk
from incidents.canonical import digest_of, short
from incidents.casefile import Assignment, CaseFile, Report
from incidents.entity import NO_NAMESPACE, Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec, fact_id
from incidents.finding import AgentName, Finding, Gap, Question, RuledOut, Topic
from incidents.ids import EntityId, EvidenceId, FindingId, QuestionId
from incidents.topology import Topology
from incidents.value import Scalar
from tools.probe import Observation

MAX_RELATED = 20
"""Related entities that a fact names: enough for a page, whatever the size of a workload."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the detectors of one specialist read out of the sightings."""

    facts: tuple[Fact, ...]
    covered: tuple[str, ...]
    """`kind@entity` for what was looked for and could have been seen."""
    gaps: tuple[Gap, ...] = ()


def state(
    spec: FactSpec,
    *,
    entity: EntityId,
    text: str,
    seen: Iterable[Observation[Any] | EvidenceId],
    at: datetime | None,
    until: datetime | None = None,
    related: Iterable[EntityId] = (),
    strength: float = 1.0,
    detector: str,
    more: Mapping[str, Scalar | None] | None = None,
    **attributes: Scalar | None,
) -> Fact:
    """State a fact of a declared kind. Attributes that are None are left out; `more` is for those with odd names.

    Raises ValueError for an attribute that the spec does not declare: runbooks compute with attributes by name.
    """
    attributes |= more or {}
    unknown = attributes.keys() - spec.attributes.keys()
    if unknown:
        raise ValueError(f"{spec.kind} does not declare {', '.join(sorted(unknown))}: add it to its FactSpec")
    known = {name: value for name, value in attributes.items() if value is not None}
    return Fact(
        id=fact_id(kind=spec.kind, entity=entity, at=at, attributes=known),
        kind=spec.kind,
        role=spec.role,
        entity=entity,
        at=at,
        until=until,
        text=text,
        attributes=known,
        related=tuple(dict.fromkeys(related))[:MAX_RELATED],
        evidence=tuple(dict.fromkeys(item.evidence.id if isinstance(item, Observation) else item for item in seen)),
        detector=detector,
        strength=strength,
    )


def scene_of(assignment: Assignment, case: CaseFile, *, now: datetime) -> Scene:
    """What detectors may know besides the views: the asked entities, or the focus when none were named."""
    return Scene(case=case, now=now, entities=assignment.entities or case.focus)


def read_facts(
    agent: AgentName, sightings: Sightings, scene: Scene, *, about: Collection[EntityId] | None = None
) -> Reading:
    """Run the detectors of a specialist. Coverage is told for `about` (the scene and the focus when not given)."""
    found: dict[str, Fact] = {}
    gaps: list[Gap] = []
    for detector in detectors(agent.value):
        try:
            facts = tuple(detector.detect(sightings, scene))
        except Exception as error:  # noqa: BLE001 - a defect of one detector must not blind the agent: it is told as a gap
            gaps.append(Gap(agent=agent, what=detector.name, why=f"the detector failed: {error!r}"))
            continue
        for fact in facts:
            found[fact.id] = _merged(found.get(fact.id), fact)
    facts = tuple(found.values())
    entities = set(about if about is not None else (*scene.entities, *scene.case.focus))
    entities |= {fact.entity for fact in facts}
    failed = {gap.what for gap in gaps}
    working = [detector for detector in detectors(agent.value) if detector.name not in failed]
    return Reading(facts=facts, covered=coverage(working, sightings, entities), gaps=tuple(gaps))


def coverage(working: Iterable[Detector], sightings: Sightings, entities: Collection[EntityId]) -> tuple[str, ...]:
    """`kind@entity` for every declared kind and every entity for which all views its detector needs are complete."""
    found: list[str] = []
    for detector in working:
        complete = _complete(detector, sightings, entities)
        found += [f"{spec.kind}@{entity}" for spec in detector.emits for entity in complete]
    return tuple(sorted(set(found)))


def _complete(detector: Detector, sightings: Sightings, entities: Collection[EntityId]) -> set[EntityId]:
    """Those about which every needed view is complete: named by it, or inside a namespace that it is complete about."""
    found = set(entities) if detector.needs else set()
    for view in detector.needs:
        named = {entity for seen in sightings.of(view) for entity in seen.entities}
        found = {entity for entity in found if entity in named or _namespace(entity) in named}
    return found


@lru_cache(maxsize=4096)
def _namespace(entity: EntityId) -> EntityId:
    parsed = Entity.parse(entity)
    return Entity(cluster=parsed.cluster, kind=EntityKind.NAMESPACE, name=parsed.namespace or NO_NAMESPACE).id


def _merged(known: Fact | None, fact: Fact) -> Fact:
    if known is None:
        return fact
    return known.model_copy(
        update={
            "evidence": tuple(dict.fromkeys((*known.evidence, *fact.evidence))),
            "related": tuple(dict.fromkeys((*known.related, *fact.related)))[:MAX_RELATED],
            "strength": max(known.strength, fact.strength),
        }
    )


def finding(
    assignment: Assignment,
    facts: Sequence[Fact],
    *,
    at: datetime,
    text: str | None = None,
    ruled_out: Iterable[RuledOut] = (),
) -> Finding:
    """Claim what facts say, in the first one's words unless others are given. Its confidence is that of the weakest."""
    claim = text or facts[0].text
    entities = tuple(dict.fromkeys(entity for fact in facts for entity in (fact.entity, *fact.related)))
    body = {"agent": assignment.agent.value, "text": claim, "facts": [fact.id for fact in facts]}
    return Finding(
        id=FindingId("fi-" + short(digest_of(body))),
        agent=assignment.agent,
        text=claim,
        confidence=min(fact.strength for fact in facts),
        facts=tuple(fact.id for fact in facts),
        evidence=tuple(dict.fromkeys(evidence for fact in facts for evidence in fact.evidence)),
        entities=entities[:MAX_RELATED],
        ruled_out=tuple(ruled_out),
        at=at,
        round=assignment.round,
    )


def saying(
    assignment: Assignment,
    *,
    text: str,
    seen: Iterable[Observation[Any]],
    entities: Iterable[EntityId],
    at: datetime,
    confidence: float,
    ruled_out: Iterable[RuledOut] = (),
) -> Finding:
    """Claim something that is read off evidence without being a fact of the vocabulary."""
    body = {"agent": assignment.agent.value, "text": text}
    return Finding(
        id=FindingId("fi-" + short(digest_of(body))),
        agent=assignment.agent,
        text=text,
        confidence=confidence,
        evidence=tuple(dict.fromkeys(item.evidence.id for item in seen)),
        entities=tuple(dict.fromkeys(entities))[:MAX_RELATED],
        ruled_out=tuple(ruled_out),
        at=at,
        round=assignment.round,
    )


WORTH_TELLING = (FactRole.MECHANISM, FactRole.CHANGE, FactRole.SYMPTOM, FactRole.CLEARED)
"""Roles whose facts are findings by themselves, in the order in which people want to hear them."""


def findings_of(
    assignment: Assignment, facts: Iterable[Fact], *, near: Sequence[EntityId], at: datetime, most: int = 12
) -> tuple[Finding, ...]:
    """One finding per fact that is worth telling, nearest entities first, at most `most`."""
    order = {entity: place for place, entity in enumerate(near)}
    worth = [fact for fact in facts if fact.role in WORTH_TELLING]
    worth.sort(key=lambda fact: (order.get(fact.entity, len(order)), WORTH_TELLING.index(fact.role), fact.kind))
    return tuple(finding(assignment, [fact], at=at) for fact in worth[:most])


def question(
    assignment: Assignment,
    to: AgentName,
    topic: Topic,
    *,
    entities: Iterable[EntityId],
    text: str,
    because: Iterable[Fact] = (),
    before: datetime | None = None,
) -> Question:
    """Ask a colleague. The same question has the same id, so that it is delivered once."""
    about = tuple(dict.fromkeys(entities))
    body = {
        "to": to.value,
        "topic": topic.value,
        "entities": list(about),
        "before": before.isoformat() if before else "",
    }
    return Question(
        id=QuestionId("qu-" + short(digest_of(body))),
        asker=assignment.agent,
        to=to,
        topic=topic,
        entities=about,
        text=text,
        because=tuple(fact.id for fact in because),
        before=before,
        round=assignment.round,
    )


def compose(
    *,
    assignment: Assignment,
    desk: Desk,
    started: datetime,
    reading: Reading,
    findings: Iterable[Finding] = (),
    questions: Iterable[Question] = (),
    gaps: Iterable[Gap] = (),
    topology: Topology | None = None,
    inventory: Iterable[EntityId] = (),
) -> Report:
    """The report of one round: what the desk kept, what the detectors read, and what the specialist makes of it."""
    seen = desk.observations
    return Report(
        agent=assignment.agent,
        round=assignment.round,
        evidence=tuple({item.evidence.id: item.evidence for item in seen}.values()),
        facts=reading.facts,
        findings=tuple({item.id: item for item in findings}.values()),
        questions=tuple({item.id: item for item in questions}.values()),
        gaps=tuple(dict.fromkeys((*desk.gaps, *gaps, *reading.gaps))),
        topology=topology or Topology(),
        inventory=tuple(dict.fromkeys(inventory)),
        covered=reading.covered,
        probes=len(seen),
        seconds=max(0.0, (desk.clock.now() - started).total_seconds()),
    )
