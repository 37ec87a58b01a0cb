"""Whether a change of an incident is under way, so that nobody begins anew or stops what has to be watched first."""

from incidents.execution import TERMINAL, ExecutionStatus
from incidents.ids import IncidentId
from incidents.proposal import ProposalStatus
from orchestrator.store.executions import executions_of
from orchestrator.store.proposals import proposals_of
from orchestrator.store.transaction import Tx
from orchestrator.store.verifications import verification_of


async def change_under_way(tx: Tx, incident: IncidentId) -> bool:
    """Whether something that was approved may still run, or what was done of it has no verdict yet.

    An approved proposal whose first action failed, was refused or is unknown keeps its status and is over all the same.
    """
    for stored in await proposals_of(tx, incident):
        if stored.status is not ProposalStatus.APPROVED:
            continue
        own = [row for row in await executions_of(tx, stored.proposal.digest) if not row.undo]
        if not any(row.status in TERMINAL for row in own):
            return True
        done = any(row.status is ExecutionStatus.SUCCEEDED for row in own)
        if done and await verification_of(tx, stored.proposal.digest) is None:
            return True
    return False
