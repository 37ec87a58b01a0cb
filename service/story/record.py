"""Everything that is stored of one incident, read in one transaction."""

from datetime import datetime

from incidents.approval import Decision
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis
from incidents.execution import Execution
from incidents.ids import IncidentId, PersonId, ProposalDigest
from incidents.incident import Incident, TimelineEvent
from incidents.proposal import ProposalBody, ProposalStatus
from incidents.rejection import Rejection
from incidents.ticket import Ticket
from incidents.value import Value
from incidents.verification import Measurement, Verification
from orchestrator.store.alerts import JoinedAlert, joined_alerts_of
from orchestrator.store.casefiles import effort_of, load_case
from orchestrator.store.control import Switch, switch_of
from orchestrator.store.decisions import RefusedClick, decisions_on, refusals_on
from orchestrator.store.diagnoses import diagnoses_of
from orchestrator.store.executions import executions_of, progress_of
from orchestrator.store.instructions import Instruction, instructions_of
from orchestrator.store.postmortems import Draft, postmortem_of
from orchestrator.store.proposals import StoredProposal, proposals_of
from orchestrator.store.rejections import rejections_about, rejections_in
from orchestrator.store.spending import Spending, spending_of
from orchestrator.store.timeline import timeline_of
from orchestrator.store.transaction import Tx
from orchestrator.store.verifications import measurements_of, verification_of
from orchestrator.ticketing import tickets_of


class Step(Value):
    """One action, or the undo of one, as it was carried out."""

    execution: Execution
    progress: str
    """As the target system last said it: `4/6 ready`."""


class ProposalRecord(Value):
    """One proposal with everything that happened to it."""

    digest: ProposalDigest
    status: ProposalStatus
    body: ProposalBody
    requested_by: PersonId | None
    decided_at: datetime | None
    decisions: tuple[Decision, ...]
    refusals: tuple[RefusedClick, ...]
    steps: tuple[Step, ...]
    measurements: tuple[Measurement, ...]
    verification: Verification | None


class Effort(Value):
    """What the investigation used."""

    probes: int
    seconds: float
    spending: tuple[Spending, ...]


class IncidentRecord(Value):
    """One incident. Evidence comes without bodies."""

    incident: Incident
    now: datetime
    alerts: tuple[JoinedAlert, ...]
    case: CaseFile
    diagnosis: Diagnosis | None
    """The last of `diagnoses`."""
    diagnoses: tuple[Diagnosis, ...]
    proposals: tuple[ProposalRecord, ...]
    timeline: tuple[TimelineEvent, ...]
    postmortem: Draft | None
    effort: Effort
    switch: Switch
    rejections: tuple[Rejection, ...] = ()
    """What people rejected here, or before for the same suspicion at the same place; newest first."""
    said: tuple[Instruction, ...] = ()
    """What people told Midwatch about it, oldest first."""
    tickets: tuple[Ticket, ...] = ()
    """What was filed in a tracker, or is on its way there."""


async def record_of(tx: Tx, incident: IncidentId, *, now: datetime) -> IncidentRecord:
    """Read it. Raises UnknownError."""
    case = await load_case(tx, incident, bodies=False)
    diagnoses = await diagnoses_of(tx, incident)
    probes, seconds = await effort_of(tx, incident)
    diagnosis = diagnoses[-1] if diagnoses else None
    return IncidentRecord(
        incident=case.incident,
        now=now,
        alerts=await joined_alerts_of(tx, incident),
        case=case,
        diagnosis=diagnosis,
        diagnoses=diagnoses,
        proposals=tuple([await _proposal(tx, stored) for stored in await proposals_of(tx, incident)]),
        timeline=await timeline_of(tx, incident),
        postmortem=await postmortem_of(tx, incident),
        effort=Effort(probes=probes, seconds=seconds, spending=await spending_of(tx, incident)),
        switch=await switch_of(tx),
        rejections=await _rejections(tx, incident, diagnosis, now=now),
        said=await instructions_of(tx, incident),
        tickets=await tickets_of(tx, incident),
    )


async def _rejections(
    tx: Tx, incident: IncidentId, diagnosis: Diagnosis | None, *, now: datetime
) -> tuple[Rejection, ...]:
    found = {rejection.digest: rejection for rejection in await rejections_in(tx, incident)}
    for hypothesis in diagnosis.leading if diagnosis else ():
        about = await rejections_about(tx, cause=hypothesis.cause, entity=hypothesis.entity, now=now)
        found |= {rejection.digest: rejection for rejection in about if rejection.active(now, incident=incident)}
    return tuple(sorted(found.values(), key=lambda rejection: rejection.at, reverse=True))


async def _proposal(tx: Tx, stored: StoredProposal) -> ProposalRecord:
    digest = stored.proposal.digest
    progress = await progress_of(tx, digest)
    return ProposalRecord(
        digest=digest,
        status=stored.status,
        body=stored.proposal.body,
        requested_by=stored.requested_by,
        decided_at=stored.decided_at,
        decisions=await decisions_on(tx, digest),
        refusals=await refusals_on(tx, digest),
        steps=tuple(
            Step(execution=row, progress=progress.get((row.index, row.undo), ""))
            for row in await executions_of(tx, digest)
        ),
        measurements=await measurements_of(tx, digest),
        verification=await verification_of(tx, digest),
    )
