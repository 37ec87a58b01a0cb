"""Which incident changes what: one row per entity, so that two incidents never act on the same thing at once.

Taken in the transaction that writes `dispatched`, and given back with the verdict on the change. What a dead process
left behind counts as long as its incident has work under way, and no longer: there is nothing to clean up by hand.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlmodel import col, select

from incidents.execution import ExecutionStatus
from incidents.ids import EntityId, IncidentId, ProposalDigest
from incidents.incident import SETTLED
from incidents.value import Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.errors import StaleStateError
from orchestrator.store.transaction import Tx

TRIES = 3
"""A lock that is given back between two statements is simply taken."""


class EntityLockRow(Row, table=True):
    """One entity that an incident changes, or that such a change reaches."""

    __tablename__ = "entity_lock"

    entity: EntityId = columns.text(key=True)
    incident_id: IncidentId = columns.text(index=True, to="incident.id")
    digest: ProposalDigest = columns.text(to="proposal.digest")
    taken_at: datetime = columns.moment()


class Held(Value):
    """What another incident holds."""

    incident: IncidentId
    entities: tuple[EntityId, ...]


_CLEAR = text(
    """
    DELETE FROM entity_lock USING incident
    WHERE entity_lock.entity = ANY(:entities) AND entity_lock.incident_id <> :incident
      AND incident.id = entity_lock.incident_id AND incident.phase = ANY(:settled)
      AND NOT EXISTS (SELECT 1 FROM execution WHERE execution.incident_id = incident.id
                      AND execution.status = :dispatched)
    """
)
_TAKE = text(
    """
    INSERT INTO entity_lock (entity, incident_id, digest, taken_at)
    SELECT entity, :incident, :digest, :now FROM unnest(CAST(:entities AS text[])) AS entity ORDER BY entity
    ON CONFLICT (entity) DO UPDATE SET digest = excluded.digest WHERE entity_lock.incident_id = excluded.incident_id
    RETURNING entity
    """
)


async def take_locks(
    tx: Tx, entities: Sequence[EntityId], *, incident: IncidentId, digest: ProposalDigest, now: datetime
) -> Held | None:
    """Take all of them, or say who holds one; then the caller gives up what it took with its transaction.

    Waits for a transaction that is taking the same ones: entities are taken in order, so nobody waits in a circle.
    Raises StaleStateError when it keeps changing under its hands.
    """
    wanted = sorted(set(entities))
    scope = {"entities": wanted, "incident": incident}
    await _clear(tx, wanted, incident=incident)
    for _ in range(TRIES):
        taken = await tx.execute(_TAKE, scope | {"digest": digest, "now": now})
        if len(taken.all()) == len(wanted):
            return None
        if held := await _found(tx, wanted, but=incident):
            return held
    raise StaleStateError(f"what {incident} changes is taken and given back by others all the time: look again")


async def holder_of(tx: Tx, entities: Sequence[EntityId], *, but: IncidentId) -> Held | None:
    """Which other incident holds one of them. Takes nothing."""
    wanted = sorted(set(entities))
    await _clear(tx, wanted, incident=but)
    return await _found(tx, wanted, but=but)


async def _clear(tx: Tx, entities: Sequence[EntityId], *, incident: IncidentId) -> None:
    """Forget what others left behind that have nothing under way any more."""
    settled = {"settled": [phase.value for phase in SETTLED], "dispatched": ExecutionStatus.DISPATCHED.value}
    await tx.execute(_CLEAR, {"entities": list(entities), "incident": incident} | settled)


async def _found(tx: Tx, entities: Sequence[EntityId], *, but: IncidentId) -> Held | None:
    query = select(EntityLockRow).where(col(EntityLockRow.entity).in_(entities), col(EntityLockRow.incident_id) != but)
    rows = list(await tx.scalars(query.order_by(col(EntityLockRow.entity))))
    if not rows:
        return None
    holder = rows[0].incident_id
    return Held(incident=holder, entities=tuple(row.entity for row in rows if row.incident_id == holder))


async def release_locks(tx: Tx, incident: IncidentId) -> int:
    """Give back everything that an incident holds; how much that was."""
    statement = text("DELETE FROM entity_lock WHERE incident_id = :incident RETURNING entity")
    return len((await tx.execute(statement, {"incident": incident})).all())


async def locks_of(tx: Tx, incident: IncidentId) -> tuple[EntityId, ...]:
    """What an incident holds, in order."""
    query = select(EntityLockRow).where(col(EntityLockRow.incident_id) == incident)
    return tuple(row.entity for row in await tx.scalars(query.order_by(col(EntityLockRow.entity))))
