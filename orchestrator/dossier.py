"""Gathers all records of one incident into a dossier: what post-mortems, exports and pages are made of."""

from agents.planner.prevention import follow_ups
from agents.runbooks.library import Library
from incidents.approval import Decision
from incidents.diagnosis import Diagnosis
from incidents.execution import Execution
from incidents.ids import IncidentId
from incidents.incident import EventKind, TimelineEvent
from incidents.postmortem import Dossier
from incidents.verification import Verification
from orchestrator.store.casefiles import effort_of, load_case
from orchestrator.store.decisions import decisions_on
from orchestrator.store.diagnoses import latest_diagnosis
from orchestrator.store.executions import executions_of
from orchestrator.store.ledger import entries
from orchestrator.store.proposals import proposals_of
from orchestrator.store.timeline import timeline_of
from orchestrator.store.transaction import Tx
from orchestrator.store.verifications import verification_of


async def load_dossier(tx: Tx, incident: IncidentId, *, library: Library | None = None) -> Dossier:
    """Everything that was recorded. With a library, what its runbook says should be done afterwards too."""
    case = await load_case(tx, incident, bodies=False)
    diagnosis = await latest_diagnosis(tx, incident)
    timeline = await timeline_of(tx, incident)
    proposals = tuple(stored.proposal for stored in await proposals_of(tx, incident))
    decisions: list[Decision] = []
    executions: list[Execution] = []
    verification: Verification | None = None
    for proposal in proposals:
        decisions += await decisions_on(tx, proposal.digest)
        executions += await executions_of(tx, proposal.digest)
        verification = await verification_of(tx, proposal.digest) or verification
    return Dossier(
        incident=case.incident,
        alerts=case.alerts,
        facts=case.facts,
        evidence=case.evidence,
        gaps=case.gaps,
        diagnosis=diagnosis,
        proposals=proposals,
        decisions=tuple(decisions),
        executions=tuple(executions),
        verification=verification,
        timeline=timeline,
        ledger=tuple([entry async for entry in entries(tx, incident=incident)]),
        follow_ups=_follow_ups(diagnosis, library),
        observations=(await effort_of(tx, incident))[0],
        outcome=_outcome(timeline),
    )


def _follow_ups(diagnosis: Diagnosis | None, library: Library | None) -> tuple[str, ...]:
    if diagnosis is None or library is None:
        return ()
    found = [text for hypothesis in diagnosis.leading for text in follow_ups(library, hypothesis.cause)]
    return tuple(dict.fromkeys(found))


def _outcome(timeline: tuple[TimelineEvent, ...]) -> str:
    phases = [event.text for event in timeline if event.kind is EventKind.PHASE]
    return phases[-1] if phases else ""
