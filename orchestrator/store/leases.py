"""Who works on an incident: a lease with a fencing number on its row. One owner at a time; a late one is refused.

Leases are about processes, so they run on the database's wall clock, not on the incident's (maybe virtual) time.
"""

from datetime import datetime, timedelta

from sqlalchemy import text

from incidents.ids import IncidentId
from incidents.value import Value
from orchestrator.store.errors import FenceLost
from orchestrator.store.transaction import Tx


class Lease(Value):
    """The right to work on one incident. Every write under it asserts `fence`; a later owner has a higher one."""

    incident: IncidentId
    owner: str
    """Unique per piece of work, for example `host:pid:random`: one process must not take an incident from itself."""
    fence: int
    until: datetime
    """Wall-clock time of the database."""


_ACQUIRE = text(
    """
    UPDATE incident SET lease_owner = :owner, fence = fence + 1, rests = false,
                        lease_until = clock_timestamp() + make_interval(secs => :seconds)
    WHERE id = :id AND (lease_until IS NULL OR lease_until < clock_timestamp())
    RETURNING fence, lease_until
    """
)
_RENEW = text(
    """
    UPDATE incident SET lease_until = clock_timestamp() + make_interval(secs => :seconds)
    WHERE id = :id AND fence = :fence AND lease_owner = :owner
    RETURNING lease_until
    """
)
_REST = text("UPDATE incident SET rests = true WHERE id = :id AND fence = :fence AND lease_owner = :owner RETURNING id")
_RELEASE = text(
    "UPDATE incident SET lease_owner = NULL, lease_until = NULL"
    " WHERE id = :id AND fence = :fence AND lease_owner = :owner RETURNING id"
)


async def acquire(tx: Tx, incident: IncidentId, *, owner: str, ttl: timedelta) -> Lease | None:
    """Take the incident when nobody holds it or the lease has run out; it rests no longer.

    None while somebody (also this owner) holds it.
    """
    row = (await tx.execute(_ACQUIRE, {"id": incident, "owner": owner, "seconds": ttl.total_seconds()})).first()
    return None if row is None else Lease(incident=incident, owner=owner, fence=row.fence, until=row.lease_until)


async def renew(tx: Tx, lease: Lease, *, ttl: timedelta) -> Lease:
    """Keep it for another `ttl`. Raises FenceLost when somebody else took it."""
    row = (await tx.execute(_RENEW, {**_identity(lease), "seconds": ttl.total_seconds()})).first()
    if row is None:
        raise FenceLost(lease.incident, fence=lease.fence)
    return lease.model_copy(update={"until": row.lease_until})


async def let_rest(tx: Tx, lease: Lease) -> bool:
    """Note that the graph came to its end under this lease; False when it was no longer held."""
    return (await tx.execute(_REST, _identity(lease))).first() is not None


async def release(tx: Tx, lease: Lease) -> bool:
    """Give it back; False when it was no longer held."""
    return (await tx.execute(_RELEASE, _identity(lease))).first() is not None


def _identity(lease: Lease) -> dict[str, object]:
    return {"id": lease.incident, "fence": lease.fence, "owner": lease.owner}
