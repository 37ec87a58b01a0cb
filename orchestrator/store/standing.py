"""What has been used of the policy's limits and pre-approvals, counted from what was really executed.

Whoever acts on the count takes `lock_standing` first: then two replicas cannot both use the last of something.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from incidents.autonomy import Graded
from incidents.ids import IncidentId, ProposalDigest
from incidents.policy import Done, Policy, Preapproval, Standing, services_of
from incidents.proposal import Proposal
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.executions import ExecutionRow
from orchestrator.store.outcomes import graded_since
from orchestrator.store.proposals import ProposalRow
from orchestrator.store.transaction import Tx

STANDING_LOCK = 0x6D_69_64_77_04
"""Key of the advisory lock: `midw` and a number."""
LOOK_BACK = timedelta(hours=1)
"""The longest period of a limit that is not an incident's."""


class PreapprovalUseRow(Row, table=True):
    """One use of a pre-approval: by granting the execution of one proposal that nobody clicked for."""

    __tablename__ = "preapproval_use"

    name: str = columns.text(key=True)
    digest: ProposalDigest = columns.text(key=True, to="proposal.digest")
    signed_by: str = columns.text()
    at: datetime = columns.moment()


async def lock_standing(tx: Tx) -> None:
    """Wait until nobody else acts on these counts; until the end of the transaction."""
    await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": STANDING_LOCK})


async def standing_of(
    tx: Tx, incident: IncidentId, *, now: datetime, policy: Policy | None = None, without: ProposalDigest | None = None
) -> Standing:
    """What was dispatched in the last hour, and ever in this incident; and the uses of every pre-approval.

    Undoing does not count: it must never be held up. What became of earlier changes is read as far back as a row of
    the policy looks. `without` leaves out one proposal's own actions and uses.
    """
    recent = or_(col(ExecutionRow.dispatched_at) > now - LOOK_BACK, col(ExecutionRow.incident_id) == incident)
    query = (
        select(ExecutionRow, col(ProposalRow.document))
        .join(ProposalRow, col(ProposalRow.digest) == col(ExecutionRow.digest))
        .where(recent, col(ExecutionRow.dispatched_at).is_not(None), col(ExecutionRow.undo).is_(False))
        .order_by(col(ExecutionRow.dispatched_at))
    )
    rows = (await tx.execute(query)).all()
    done = tuple(_done(row, proposal) for row, proposal in rows if row.digest != without)
    graded = await _graded(tx, policy, now=now)
    return Standing(
        done=done, used=await uses(tx, without=without), graded=tuple(g for g in graded if g.proposal != without)
    )


async def standing_then(
    tx: Tx, incident: IncidentId, *, then: datetime, policy: Policy, without: ProposalDigest
) -> Standing:
    """What had been used at an earlier time: for a replay of what was decided then.

    For deciding now it would not do: what another replica did may carry a time that is a little ahead.
    """
    now = await standing_of(tx, incident, now=then, policy=policy, without=without)
    query = select(col(PreapprovalUseRow.name), func.count()).group_by(col(PreapprovalUseRow.name))
    counted = query.where(col(PreapprovalUseRow.digest) != without, col(PreapprovalUseRow.at) <= then)
    return Standing(
        done=tuple(one for one in now.done if one.at <= then),
        used={row[0]: row[1] for row in await tx.execute(counted)},
        graded=tuple(one for one in now.graded if one.at <= then),
    )


async def _graded(tx: Tx, policy: Policy | None, *, now: datetime) -> tuple[Graded, ...]:
    """What became of earlier changes, as far back as a row of the policy looks; nothing when none does."""
    days = max((rule.earned.days for rule in (policy.rules if policy else ()) if rule.earned), default=0.0)
    return await graded_since(tx, now - timedelta(days=days)) if days else ()


async def uses(tx: Tx, *, without: ProposalDigest | None = None) -> dict[str, int]:
    """How often each pre-approval was used."""
    counted = select(col(PreapprovalUseRow.name), func.count()).group_by(col(PreapprovalUseRow.name))
    if without is not None:
        counted = counted.where(col(PreapprovalUseRow.digest) != without)
    return {row[0]: row[1] for row in await tx.execute(counted)}


async def use(tx: Tx, preapprovals: Iterable[Preapproval], digest: ProposalDigest, *, now: datetime) -> None:
    """Note that a proposal runs on them, once however often it is said.

    Under `lock_standing`, after looking that there is a use left.
    """
    rows = [{"name": one.name, "digest": digest, "signed_by": one.signed_by, "at": now} for one in preapprovals]
    if rows:
        await tx.execute(insert(PreapprovalUseRow).on_conflict_do_nothing(), rows)


async def give_back(tx: Tx, digest: ProposalDigest) -> tuple[str, ...]:
    """Free what a proposal used that never ran; the names. Under `lock_standing`."""
    gone = (
        delete(PreapprovalUseRow).where(col(PreapprovalUseRow.digest) == digest).returning(col(PreapprovalUseRow.name))
    )
    return tuple(sorted(await tx.scalars(gone)))


def _done(row: ExecutionRow, proposal: Proposal) -> Done:
    action = proposal.body.actions[row.position]
    assert row.dispatched_at is not None
    return Done(
        at=row.dispatched_at,
        incident=row.incident_id,
        kind=action.request.kind,
        target=action.request.target,
        services=services_of(action.request.target, action.blast_radius),
        pods=action.blast_radius.pods,
    )
