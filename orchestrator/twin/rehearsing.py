"""Tries a plan's changes in twins before they are proposed. What goes wrong here is a gap on the card, never a stop."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from agents.planner.plan import NoPlan, Plan
from incidents.action import FieldChange
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis, Hypothesis
from incidents.evidence import Evidence
from incidents.ids import IncidentId
from incidents.prediction import Prediction, nothing
from orchestrator.context import Workbench
from orchestrator.proposing import answered
from orchestrator.store.casefiles import load_case
from orchestrator.store.diagnoses import latest_diagnosis
from orchestrator.store.observations import evidence_from
from orchestrator.store.rehearsals import Rehearsal
from orchestrator.twin.model import NoTwin, twin_of
from orchestrator.twin.playing import TooSlowError, play
from orchestrator.twin.seen import PROBES, seen_of

logger = logging.getLogger(__name__)


async def foreseen(
    bench: Workbench, incident: IncidentId, planned: Plan | NoPlan, *, attempt: int
) -> Mapping[bytes, Prediction]:
    """What is foreseen of each request of a plan, by its canonical form; nothing when twins are switched off."""
    seconds = bench.settings.periods.twin_seconds
    if isinstance(planned, NoPlan) or seconds <= 0:
        return {}
    async with bench.store.transaction() as tx:
        answers = await answered(tx, incident, planned, attempt=attempt)
        case = await load_case(tx, incident, bodies=False)
        diagnosis = await latest_diagnosis(tx, incident)
        evidence = await evidence_from(tx, incident, probes=PROBES, limit=MOST_EVIDENCE)
    return {
        key: await asyncio.to_thread(
            tried, rehearsal, case=case, diagnosis=diagnosis, evidence=evidence, seconds=seconds
        )
        for key, rehearsal in answers.items()
        if rehearsal.result is not None and rehearsal.result.preview.accepted
    }


MOST_EVIDENCE = 60
"""Observations that are read for a twin: three probes of a dozen workloads, some of them twice."""


def tried(
    rehearsal: Rehearsal,
    *,
    case: CaseFile,
    diagnosis: Diagnosis | None,
    evidence: Sequence[Evidence],
    seconds: float,
) -> Prediction:
    """One change in its twin, for at most so many seconds of real time."""
    hypothesis = _explaining(diagnosis, rehearsal)
    if hypothesis is None or rehearsal.result is None:
        return nothing("the change is made elsewhere than where the trouble is, and only that workload has a twin")
    try:
        return _played(rehearsal.result.preview.diff, hypothesis, case=case, evidence=evidence, seconds=seconds)
    except TooSlowError:
        return nothing(f"the twin was not done within {seconds:g} s")
    except Exception:  # the twin is a courtesy: a defect in it must not keep a card from people at night
        logger.exception("The twin failed", extra={"action": "twin_failed", "incident": case.incident.id})
        return nothing("the twin failed; the log says why")


def _explaining(diagnosis: Diagnosis | None, rehearsal: Rehearsal) -> Hypothesis | None:
    leading = diagnosis.leading if diagnosis else ()
    return next((one for one in leading if one.entity == rehearsal.request.target), None)


def _played(
    diff: Sequence[FieldChange],
    hypothesis: Hypothesis,
    *,
    case: CaseFile,
    evidence: Sequence[Evidence],
    seconds: float,
) -> Prediction:
    seen = seen_of(evidence, hypothesis.entity, onset=hypothesis.onset or case.onset)
    if seen is None:
        return nothing("the workload itself was not seen")
    twin = twin_of(seen, hypothesis, {fact.id: fact for fact in case.facts}, diff)
    return nothing(twin.because) if isinstance(twin, NoTwin) else play(twin, seconds=seconds)
