"""Tries a plan's changes before they are proposed. What goes wrong in here is a gap on the card, never a stop.

A trial is two things: a look at what would stand in its way (`obstacles`), and the change played in a twin.
"""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from agents.planner.plan import NoPlan, Plan
from incidents.action import FieldChange
from incidents.canonical import canonical
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis, Hypothesis
from incidents.entity import EntityKind
from incidents.evidence import Evidence
from incidents.foresight import Outlook
from incidents.ids import EntityId, FactKind, IncidentId
from incidents.prediction import Prediction, nothing
from incidents.rejection import Rejection
from incidents.topology import Relation
from orchestrator.choosing import choose
from orchestrator.context import Workbench
from orchestrator.proposing import answered
from orchestrator.store.casefiles import add_evidence, load_case
from orchestrator.store.diagnoses import latest_diagnosis
from orchestrator.store.instructions import left_alone
from orchestrator.store.observations import evidence_from
from orchestrator.store.rehearsals import Rehearsal
from orchestrator.store.rejections import rejections_about
from orchestrator.twin import around, seen
from orchestrator.twin.around import Around
from orchestrator.twin.asking import asked_for
from orchestrator.twin.model import twin_of
from orchestrator.twin.obstacles.looked import Looked
from orchestrator.twin.obstacles.looking import looked
from orchestrator.twin.playing import TooSlowError, play
from orchestrator.twin.seen import Seen, seen_of
from orchestrator.twin.trial import ROLLBACK, Trial
from orchestrator.twin.troubles import NoTwin
from tools.estate import Cluster
from tools.kubernetes.revision import Revision

logger = logging.getLogger(__name__)

MOST_EVIDENCE = 90
"""Observations that are read for rehearsals: a dozen probes of a dozen workloads, some of them twice."""
PULL_FAILED = FactKind("container.image_pull_failed")


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a case and its evidence say, as far as rehearsals are made of it."""

    case: CaseFile
    diagnosis: Diagnosis | None
    evidence: tuple[Evidence, ...]


async def foreseen(
    bench: Workbench, incident: IncidentId, planned: Plan | NoPlan, *, attempt: int
) -> Mapping[bytes, Prediction]:
    """What is foreseen of each request of a plan, by its canonical form; nothing when twins are switched off."""
    seconds = bench.settings.periods.twin_seconds
    if isinstance(planned, NoPlan) or seconds <= 0:
        return {}
    async with bench.store.transaction() as tx:
        answers = await answered(tx, incident, planned, attempt=attempt)
        rejections = await rejections_about(tx, cause=planned.cause, entity=planned.entity, now=tx.clock.now())
        alone = await left_alone(tx, incident)
        known = Known(
            case=await load_case(tx, incident, bodies=False),
            diagnosis=await latest_diagnosis(tx, incident),
            evidence=await evidence_from(tx, incident, probes=(*seen.PROBES, *around.PROBES), limit=MOST_EVIDENCE),
        )
    cluster = bench.cluster(known.case.incident.cluster)
    predictions, more = await predicted(
        cluster, known, planned, answers, rejections=rejections, alone=alone, seconds=seconds
    )
    if more:
        async with bench.store.transaction() as tx:
            await add_evidence(tx, incident, more)
    return predictions


async def predicted(
    cluster: Cluster,
    known: Known,
    planned: Plan,
    answers: Mapping[bytes, Rehearsal],
    *,
    rejections: Sequence[Rejection] = (),
    alone: Collection[EntityId] = (),
    seconds: float,
) -> tuple[Mapping[bytes, Prediction], tuple[Evidence, ...]]:
    """What is foreseen by request in canonical form, and what was asked for it besides what is known.

    Tried is what would be proposed; what comes in its place when that is put aside is tried then, and not before.
    """
    found: dict[bytes, Prediction] = {}
    more: tuple[Evidence, ...] = ()
    incident = known.case.incident.id
    while True:
        chosen, _ = choose(planned, answers, rejections, incident=incident, predictions=found, alone=alone)
        untried = [one for one in chosen if canonical(one.request) not in found]
        if not untried:
            return found, more
        new = await asked_for(cluster, [_trial(one, known) for one in untried])
        more, known = (*more, *new), replace(known, evidence=(*known.evidence, *new))
        for one in untried:
            found[canonical(one.request)] = await asyncio.to_thread(tried, one, known=known, seconds=seconds)


def tried(rehearsal: Rehearsal, *, known: Known, seconds: float) -> Prediction:
    """One change: what stands in its way, and what it does in a twin, for at most so many seconds of real time."""
    told = {"clone": rehearsal.result.clone if rehearsal.result is not None else ""}
    return _tried(rehearsal, known=known, seconds=seconds).model_copy(update=told)


def _tried(rehearsal: Rehearsal, *, known: Known, seconds: float) -> Prediction:
    try:
        trial = _trial(rehearsal, known)
        found = looked(trial)
        return _together(_in_a_twin(trial, found, known=known, seconds=seconds), found)
    except TooSlowError:
        return nothing(f"the twin was not done within {seconds:g} s")
    except Exception:  # the twin is a courtesy: a defect in it must not keep a card from people at night
        logger.exception("The twin failed", extra={"action": "twin_failed", "incident": known.case.incident.id})
        return nothing("the twin failed; the log says why")


def _trial(rehearsal: Rehearsal, known: Known) -> Trial:
    """The change, the workload that it is made to, and what was seen around that."""
    request, topology = rehearsal.request, known.case.topology
    kind = EntityKind(request.target.split("/")[2])
    about = topology.owner_of(request.target) if kind is EntityKind.POD else request.target
    callees = topology.targets(about, Relation.CALLS)
    neighbourhood = around.around(known.evidence, about, callees)
    diff: tuple[FieldChange, ...] = rehearsal.result.preview.diff if rehearsal.result is not None else ()
    goal = _goal(rehearsal, neighbourhood) if request.kind == ROLLBACK else None
    there = seen_of(known.evidence, about, onset=None)
    return Trial(
        request=request,
        diff=diff,
        workload=there.workload if there else None,
        callees=callees,
        around=neighbourhood,
        goal=goal.template if goal else None,
        goal_revision=goal.number if goal else None,
        refused_images={
            str(fact.attributes["image"]): fact.text
            for fact in known.case.facts
            if fact.kind == PULL_FAILED and "image" in fact.attributes
        },
    )


def _goal(rehearsal: Rehearsal, neighbourhood: Around) -> Revision | None:
    """The revision that is gone back to, by the number in the fence: what the executor itself found."""
    facets = rehearsal.result.snapshot.fence.facets if rehearsal.result is not None else {}
    number, rollout = facets.get("to_revision", ""), neighbourhood.rollout
    if rollout is None or not number.isdigit():
        return None
    return next((one for one in rollout.revisions if one.number == int(number)), None)


def _in_a_twin(trial: Trial, found: Looked, *, known: Known, seconds: float) -> Prediction:
    """What the twin does with as many pods as can come up; nothing is played of a change that hurts anyway."""
    hypothesis = _explaining(known.diagnosis, trial.request.target)
    if hypothesis is None:
        return nothing("the change is made elsewhere than where the trouble is, and only that workload has a twin")
    if any(obstacle.harms for obstacle in found.obstacles):
        return nothing("it was not played in a twin: what stands in its way is enough")
    there = seen_of(known.evidence, hypothesis.entity, onset=hypothesis.onset or known.case.onset)
    if there is None:
        return nothing("the workload itself was not seen")
    return _played(trial, there, hypothesis, found, known=known, seconds=seconds)


def _played(
    trial: Trial, there: Seen, hypothesis: Hypothesis, found: Looked, *, known: Known, seconds: float
) -> Prediction:
    most = min((one.most for one in found.obstacles if one.most is not None), default=None)
    facts = {fact.id: fact for fact in known.case.facts}
    twin = twin_of(there, hypothesis, facts, trial.diff, most=most)
    if isinstance(twin, NoTwin):
        return nothing(twin.because)
    played = play(twin, seconds=seconds)
    return played.model_copy(update={"evidence": there.evidence})


def _explaining(diagnosis: Diagnosis | None, target: EntityId) -> Hypothesis | None:
    leading = diagnosis.leading if diagnosis else ()
    return next((one for one in leading if one.entity == target), None)


def _together(played: Prediction, found: Looked) -> Prediction:
    """The twin's answer with what stands in the way: harm decides; what only falls short leaves the twin's word."""
    outlook = played.outlook
    if any(obstacle.harms for obstacle in found.obstacles):
        outlook = Outlook.WORSENS
    elif found.obstacles and outlook is Outlook.NOT_FORESEEN:
        outlook = Outlook.STAYS_BROKEN
    return played.model_copy(
        update={
            "outlook": outlook,
            "obstacles": found.obstacles,
            "figures": (*played.figures, *found.figures),
            "built_from": (*played.built_from, *found.built_from),
            "not_foreseen": (*played.not_foreseen, *found.not_foreseen),
            "evidence": tuple(dict.fromkeys((*played.evidence, *found.evidence))),
        }
    )
