"""What the Kubernetes specialist says besides its facts: what is well, and the last words of a container."""

from collections.abc import Iterator, Sequence

from agents.detector import Scene, Sightings
from agents.kubernetes.looking import SPEAKING
from agents.kubernetes.sighted import name, workloads_of
from agents.reporting import saying
from incidents.casefile import Assignment
from incidents.fact import Fact, FactRole
from incidents.finding import AgentName, Finding, Gap, RuledOut
from incidents.ids import EntityId
from tools.kubernetes.config_ref import ConfigRefs
from tools.kubernetes.control_plane import ControlPlane
from tools.kubernetes.log import ContainerLog, Logs

MAX_QUOTE = 180
"""Characters of a quoted line."""


def told(assignment: Assignment, facts: Sequence[Fact], sightings: Sightings, scene: Scene) -> tuple[Finding, ...]:
    """Findings without facts of their own: each cites what it was read from."""
    return (*_well(assignment, facts, sightings, scene), *_last_words(assignment, facts, sightings, scene))


def gaps_of(sightings: Sightings) -> tuple[Gap, ...]:
    """Parts of an answer that the credentials or the server left out, each once."""
    parts: dict[tuple[str, str], None] = {}
    for seen in sightings.of(ConfigRefs):
        parts |= {("kubernetes.config_refs", text): None for text in seen.view.unreadable}
    for logs in sightings.of(Logs):
        parts |= {("kubernetes.logs", text): None for text in logs.view.unavailable}
    for plane in sightings.of(ControlPlane):
        parts |= {("kubernetes.control_plane", plane.view.incomplete): None} if plane.view.incomplete else {}
    return tuple(Gap(agent=AgentName.KUBERNETES, what=what, why=why) for what, why in parts)


def _well(assignment: Assignment, facts: Sequence[Fact], sightings: Sightings, scene: Scene) -> Iterator[Finding]:
    """Entities that were asked about and are as they should be."""
    ill = {fact.entity for fact in facts if fact.role in {FactRole.SYMPTOM, FactRole.MECHANISM}}
    known = workloads_of(sightings)
    for entity in scene.entities:
        one = known.get(entity)
        if one is None or entity in ill or one.workload.replicas.available < one.workload.replicas.desired:
            continue
        replicas = one.workload.replicas
        text = f"{name(entity)} is well: {replicas.available} of {replicas.desired} pods available, no trouble seen"
        because = f"{replicas.available} of {replicas.desired} pods available, nothing amiss in its pods and events"
        yield saying(
            assignment,
            text=text,
            seen=[one.seen],
            entities=[entity],
            ruled_out=[RuledOut(suspicion=f"{name(entity)} is broken", entity=entity, because=because)],
            at=scene.now,
            confidence=0.8,
        )


def _last_words(assignment: Assignment, facts: Sequence[Fact], sightings: Sightings, scene: Scene) -> Iterator[Finding]:
    """What a container wrote last before it ended: quoted as text, claimed as nothing more."""
    failing = {(fact.entity, fact.attributes.get("container")) for fact in facts if fact.kind in SPEAKING}
    told_of: set[tuple[EntityId, str]] = set()
    for seen in sightings.of(Logs):
        for log in seen.view.logs:
            key = (log.workload, log.container)
            if not log.previous or key not in failing or key in told_of or not log.lines:
                continue
            told_of.add(key)
            yield saying(
                assignment,
                text=f'the last line of {_container(log)} before it ended: "{_quote(log)}"',
                seen=[seen],
                entities=[log.workload],
                at=scene.now,
                confidence=0.6,
            )


def _container(log: ContainerLog) -> str:
    workload = name(log.workload)
    return workload if log.container == workload else f"{log.container} in {workload}"


def _quote(log: ContainerLog) -> str:
    """The last line that speaks of trouble among the last few, else the very last."""
    words = ("panic", "fatal", "error", "exception", "cannot", "failed", "killed")
    newest = [line.text.strip() for line in log.lines[-15:]]
    speaking = next((text for text in reversed(newest) if any(word in text.lower() for word in words)), newest[-1])
    return speaking if len(speaking) <= MAX_QUOTE else speaking[: MAX_QUOTE - 1] + "…"
