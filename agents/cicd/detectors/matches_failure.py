"""Holds every deployed commit against every failure: which diff can have produced what fails, and which cannot."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from agents.cicd.carried import carried, is_shared
from agents.cicd.deploys import SHORT_SHA, Deploy
from agents.cicd.period import period_of
from agents.cicd.reasoning.effect import Done
from agents.cicd.reasoning.failure import Failure, failures
from agents.cicd.reasoning.lines import Diff, read_diff
from agents.cicd.reasoning.matching import MATCHES, Match, effects, match
from agents.cicd.reasoning.table import FAULTS, fault_of
from agents.cicd.telling import PROVENANCE, provenance, told, when
from agents.detector import Detector, Scene, Sightings
from agents.diagnostician.timing import after
from agents.reporting import state
from agents.wording import count
from incidents.action import name_of
from incidents.entity import Entity
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.github.naming import commit_id, repository_id
from tools.github.probes.history import HistoryView, Written
from tools.kubernetes.revision import Rollouts
from tools.probe import Observation

MATCHING = FactSpec(
    kind=FactKind("change.matches_failure"),
    role=FactRole.CHANGE,
    meaning="A deployed commit does something that fails in just the way in which a workload fails.",
    attributes={
        **PROVENANCE,
        "fault": "what sort of fault it puts in: " + ", ".join(FAULTS),
        "effect": "what the diff does",
        "mode": "how that shows",
        "path": "file that does it",
        "author": "who wrote it",
        "title": "first line of its message",
        "repository": "owner/name",
        "reasons": "why it fits, joined by semicolons",
        "failing": "workload that fails so",
        "score": "0..1",
    },
)
HARMLESS = FactSpec(
    kind=FactKind("change.harmless"),
    role=FactRole.CLEARED,
    meaning="Every commit that a workload's deploys brought was read, and none does anything that fails so.",
    attributes={"commits": "how many were read"},
)
ONLY_NEW_FAILS = FactKind("revision.only_new_fails")
MARKS = ("spec.template.metadata.", "metadata.")
SHARED = 0.9
"""What a match keeps when the file is part of a library: more than this workload would run it."""
NEIGHBOUR = 0.7
"""What it keeps when the workload that fails calls, or is called by, the one that was deployed."""
TIE = 0.04
"""Scores closer than this cannot be told apart: both are told."""
HARMLESS_BELOW = 0.35


@dataclass(frozen=True, kw_only=True)
class _Suspect:
    """One deployed commit against one failure."""

    deploy: Deploy
    written: Written
    failure: Failure
    match: Match
    score: float
    seen: Observation[HistoryView]


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """The best match per failing workload, and the workloads whose commits are innocent."""
    if not scene.case.facts:
        return
    failing = failures(scene.case.facts, scene.case.alerts, alarmed=_alarmed(scene))
    failing = {entity: one for entity, one in failing.items() if one.told}
    suspects = list(_suspects(sightings, scene, failing))
    best: dict[tuple[EntityId, str], _Suspect] = {}
    for failure in failing.values():
        own = [one for one in suspects if one.failure is failure and one.score >= MATCHES]
        most = max((one.score for one in own), default=0.0)
        for one in own:
            key = (one.deploy.workload, one.written.commit.sha)
            if one.score >= most - TIE and (key not in best or best[key].score < one.score):
                best[key] = one
    for one in best.values():
        yield _matching(one, scene)
    yield from _harmless(sightings, scene, failing, suspects)


def _alarmed(scene: Scene) -> tuple[EntityId, ...]:
    """Workloads that the alerts point at."""
    topology = scene.case.topology
    homes = (topology.owner_of(entity) for entity in scene.case.incident.entities)
    return tuple(dict.fromkeys(home for home in homes if Entity.parse(home).is_workload))


def _suspects(sightings: Sightings, scene: Scene, failing: Mapping[EntityId, Failure]) -> Iterator[_Suspect]:
    deploys = [one for one in told(sightings, scene) if one.commit and one.at]
    names = {name_of(entity) for entity in scene.case.inventory if Entity.parse(entity).is_workload}
    names |= {name_of(one.workload) for one in deploys}
    read: dict[str, tuple[Diff, tuple[Done, ...]]] = {}
    for seen in sightings.of(HistoryView):
        for deploy in deploys:
            near = [(one, factor) for one in failing.values() if (factor := _nearness(deploy, one, scene)) > 0]
            for written in carried(deploy, seen.view, workloads=sorted(names)) if near else ():
                sha = written.commit.sha
                if sha not in read:
                    diff = read_diff(written.files)
                    read[sha] = diff, effects(diff)
                for failure, factor in near:
                    yield from _held(deploy, written, failure, seen, read[sha], factor=factor)


def _held(
    deploy: Deploy,
    written: Written,
    failure: Failure,
    seen: Observation[HistoryView],
    read: tuple[Diff, tuple[Done, ...]],
    *,
    factor: float,
) -> Iterator[_Suspect]:
    diff, done = read
    found = match(done, diff, failure)
    if found is not None:
        factor *= SHARED if is_shared(found.done.path, name_of(deploy.workload)) else 1.0
        score = round(found.score * factor, 4)
        yield _Suspect(deploy=deploy, written=written, failure=failure, match=found, score=score, seen=seen)


def _nearness(deploy: Deploy, failure: Failure, scene: Scene) -> float:
    """1 for the workload itself, less for whom it calls and who calls it, 0 for strangers and for what came later."""
    if deploy.at is None or after(deploy.at, onset=_onset(failure, scene)):
        return 0.0
    if deploy.workload == failure.entity:
        return 1.0
    topology = scene.case.topology
    near = {*topology.callees(failure.entity), *topology.callers(failure.entity)}
    return NEIGHBOUR if deploy.workload in near else 0.0


def _onset(failure: Failure, scene: Scene) -> datetime:
    return failure.since or period_of(scene).onset


def _matching(one: _Suspect, scene: Scene) -> Fact:
    commit, deploy = one.written.commit, one.deploy
    cluster, repository = deploy.workload.partition("/")[0], one.seen.view.repository
    because = "; ".join(one.match.reasons)
    words = (
        f'commit {commit.sha[:SHORT_SHA]} "{commit.title}" by {commit.author}, deployed to {name_of(deploy.workload)}'
    )
    return state(
        MATCHING,
        entity=deploy.workload,
        text=f"{words}{when(deploy, scene)}, does what fails in {name_of(one.failure.entity)}: {because}",
        seen=(one.seen, *deploy.seen),
        at=deploy.at,
        related=(
            one.failure.entity,
            commit_id(cluster, repository, commit.sha),
            repository_id(cluster, repository),
        ),
        strength=one.score,
        detector=DETECTOR.name,
        more={
            **provenance(deploy),
            "commit": commit.sha,
            "fault": fault_of(one.match.effect, one.match.mode),
            "effect": one.match.effect.value,
            "mode": one.match.mode.value,
            "path": one.match.done.path,
            "author": commit.author,
            "title": commit.title,
            "repository": repository,
            "reasons": because,
            "failing": name_of(one.failure.entity),
            "score": one.score,
        },
    )


def _harmless(
    sightings: Sightings, scene: Scene, failing: Mapping[EntityId, Failure], suspects: list[_Suspect]
) -> Iterator[Fact]:
    """Workloads in trouble all of whose new commits were read: none of them can do this.

    Where only the new pods fail beside well old ones, and nothing but the image is new, its code does it, whatever was
    made of the difference.
    """
    proven = frozenset(_proven(sightings, scene))
    worst: dict[EntityId, float] = {}
    for one in suspects:
        worst[one.deploy.workload] = max(worst.get(one.deploy.workload, 0.0), one.score)
    for seen in sightings.of(HistoryView):
        for entity in failing.keys() - proven:
            own = [one for one in told(sightings, scene) if one.workload == entity and one.commit]
            commits = {w.commit.sha: w for d in own for w in carried(d, seen.view, workloads=_names(scene))}
            read = [w for w in commits.values() if not read_diff(w.files).unread]
            if read and seen.view.whole and worst.get(entity, 0.0) < HARMLESS_BELOW:
                yield state(
                    HARMLESS,
                    entity=entity,
                    text=f"{count(len(read), 'commit')} of {len(commits)} deployed to {name_of(entity)}: none does "
                    "anything that fails so",
                    seen=[seen],
                    at=None,
                    strength=round(len(read) / len(commits), 2),
                    detector=DETECTOR.name,
                    commits=len(read),
                )


def _proven(sightings: Sightings, scene: Scene) -> Iterator[EntityId]:
    """Workloads whose last deploy changed only the image, and of which only the new pods fail."""
    failing = {fact.entity for fact in scene.case.facts if fact.kind == ONLY_NEW_FAILS}
    latest = {one.workload: one for one in told(sightings, scene) if not one.later}
    for entity in failing & latest.keys():
        fields = {change.path.rpartition(".")[2] for change in latest[entity].changes if not _is_mark(change.path)}
        if fields == {"image"}:
            yield entity


def _is_mark(path: str) -> bool:
    """Whether a field of a template says only what it is: labels and annotations."""
    return path.startswith(MARKS)


def _names(scene: Scene) -> list[str]:
    return sorted(name_of(entity) for entity in scene.case.inventory if Entity.parse(entity).is_workload)


DETECTOR = Detector(
    name="cicd.matches_failure", emits=(MATCHING, HARMLESS), needs=(Rollouts, HistoryView), detect=detect
)
