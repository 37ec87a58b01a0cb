"""Requests to preview an action, and what came of them.

The worker asks, the executor (which holds the credentials) answers.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from incidents.action import ActionRequest, BlastRadius, Preview, Reversibility, Snapshot
from incidents.bound import Bound
from incidents.canonical import digest_of, short
from incidents.ids import IncidentId
from incidents.value import Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.errors import StaleStateError, UnknownError
from orchestrator.store.transaction import Tx


class RehearsalStatus(StrEnum):
    """Where a request stands."""

    REQUESTED = "requested"
    DONE = "done"
    FAILED = "failed"
    """It could not be previewed; `problem` says why."""


class Rehearsed(Value):
    """What the executor saw: all that a proposed action needs besides the request."""

    snapshot: Snapshot
    preview: Preview
    blast_radius: BlastRadius
    reversibility: Reversibility
    summary: str
    undo: str
    bounds: tuple[Bound, ...] = ()
    clone: str = ""
    """What the change did on a clone, in words; empty where none was tried."""


class Rehearsal(Value):
    """One request and its result."""

    id: str
    incident: IncidentId
    request: ActionRequest
    status: RehearsalStatus
    result: Rehearsed | None = None
    problem: str = ""
    requested_at: datetime
    ended_at: datetime | None = None


class RehearsalRow(Row, table=True):
    """One request."""

    __tablename__ = "rehearsal"

    id: str = columns.text(key=True)
    incident_id: IncidentId = columns.text(index=True, to="incident.id")
    request: ActionRequest = columns.document(ActionRequest, sealed=True)
    status: RehearsalStatus = columns.word(RehearsalStatus, index=True)
    result: Rehearsed | None = columns.document(Rehearsed, sealed=True, null=True)
    problem: str = columns.text()
    requested_at: datetime = columns.moment()
    ended_at: datetime | None = columns.moment(null=True)


async def request_rehearsal(
    tx: Tx, incident: IncidentId, request: ActionRequest, *, attempt: str, now: datetime
) -> Rehearsal:
    """Ask for a preview. The same request in the same attempt (round, or number of the proposal) is asked once."""
    key = "re-" + short(
        digest_of({"incident": incident, "attempt": attempt, "request": request.model_dump(mode="json")})
    )
    statement = insert(RehearsalRow).values(
        id=key, incident_id=incident, request=request, status=RehearsalStatus.REQUESTED, problem="", requested_at=now
    )
    await tx.execute(statement.on_conflict_do_nothing())
    return await rehearsal_by(tx, key)


async def rehearsal_by(tx: Tx, key: str) -> Rehearsal:
    """One request with its result. Raises UnknownError."""
    row = await tx.get(RehearsalRow, key)
    if row is None:
        raise UnknownError(f"there is no rehearsal {key}")
    return _rehearsal(row)


async def rehearsals_of(tx: Tx, incident: IncidentId) -> tuple[Rehearsal, ...]:
    """All requests of an incident, oldest first."""
    query = select(RehearsalRow).where(col(RehearsalRow.incident_id) == incident)
    rows = await tx.scalars(query.order_by(col(RehearsalRow.requested_at), col(RehearsalRow.id)))
    return tuple(_rehearsal(row) for row in rows)


async def forget_rehearsals(tx: Tx, incident: IncidentId) -> None:
    """Forget what was previewed: an investigation that begins anew asks anew. Proposals keep what they were made of."""
    await tx.execute(delete(RehearsalRow).where(col(RehearsalRow.incident_id) == incident))


async def requested_rehearsals(tx: Tx, incident: IncidentId | None = None) -> tuple[Rehearsal, ...]:
    """Requests without an answer."""
    query = select(RehearsalRow).where(col(RehearsalRow.status) == RehearsalStatus.REQUESTED)
    query = query if incident is None else query.where(col(RehearsalRow.incident_id) == incident)
    return tuple(_rehearsal(row) for row in await tx.scalars(query.order_by(col(RehearsalRow.requested_at))))


async def finish_rehearsal(tx: Tx, key: str, *, result: Rehearsed | None, problem: str = "", now: datetime) -> None:
    """Answer a request, with a result or with the reason why there is none.

    Raises StaleStateError when it was answered.
    """
    moved = await tx.execute(
        update(RehearsalRow)
        .where(col(RehearsalRow.id) == key, col(RehearsalRow.status) == RehearsalStatus.REQUESTED)
        .values(
            status=RehearsalStatus.DONE if result else RehearsalStatus.FAILED,
            result=result,
            problem=problem,
            ended_at=now,
        )
        .returning(col(RehearsalRow.id))
        .execution_options(synchronize_session=False)
    )
    if moved.first() is None:
        raise StaleStateError(f"rehearsal {key} was answered already: read it")


def _rehearsal(row: RehearsalRow) -> Rehearsal:
    return Rehearsal(
        id=row.id,
        incident=row.incident_id,
        request=row.request,
        status=row.status,
        result=row.result,
        problem=row.problem,
        requested_at=row.requested_at,
        ended_at=row.ended_at,
    )
