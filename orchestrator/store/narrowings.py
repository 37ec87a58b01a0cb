"""What people narrowed: one row per proposal that was changed. The rule is `incidents.narrowing`."""

from datetime import datetime

from sqlalchemy import insert, update
from sqlmodel import col, select

from incidents.approval import Channel, Person
from incidents.ids import IncidentId, ProposalDigest
from incidents.narrowing import Narrower, Wanted
from incidents.value import Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.errors import StaleStateError
from orchestrator.store.transaction import Tx


class NarrowingRow(Row, table=True):
    """One changed proposal. A proposal is changed once: then another one stands in its place."""

    __tablename__ = "narrowing"

    digest: ProposalDigest = columns.text(key=True, to="proposal.digest")
    incident_id: IncidentId = columns.text(index=True, to="incident.id")
    person: Person = columns.document(Person)
    channel: Channel = columns.word(Channel)
    at: datetime = columns.moment()
    wanted: Wanted = columns.document(Wanted, sealed=True)
    narrower: Narrower = columns.document(Narrower, sealed=True)
    problem: str = columns.text()


class Asked(Value):
    """Somebody's change of a proposal."""

    digest: ProposalDigest
    """The proposal that was changed."""
    incident: IncidentId
    person: Person
    channel: Channel
    at: datetime
    wanted: Wanted
    """As they wrote it."""
    narrower: Narrower
    """What is previewed and rehearsed in its place."""
    problem: str = ""
    """Why nothing could be proposed of it; empty while it stands."""

    @property
    def sentence(self) -> str:
        """`Dana narrowed it at 02:48:10 UTC: replicas of checkout 12 -> 8`."""
        what = "; ".join(one.text for one in self.narrower.differences)
        return f"{self.person.name} narrowed it at {self.at:%H:%M:%S} UTC: {what}"


_SAME = ("digest", "person", "channel", "at", "wanted", "narrower", "problem")


async def save_narrowing(tx: Tx, asked: Asked) -> None:
    """Store it. A second one of the same proposal is an integrity error."""
    values = {name: getattr(asked, name) for name in _SAME}
    await tx.execute(insert(NarrowingRow).values(**values, incident_id=asked.incident))


async def narrowing_of(tx: Tx, digest: ProposalDigest) -> Asked | None:
    """How a proposal was changed; None when nobody did."""
    row = await tx.get(NarrowingRow, digest)
    return None if row is None else _asked(row)


async def narrowings_of(tx: Tx, incident: IncidentId) -> tuple[Asked, ...]:
    """All changes of an incident's proposals, oldest first."""
    query = select(NarrowingRow).where(col(NarrowingRow.incident_id) == incident)
    return tuple(_asked(row) for row in await tx.scalars(query.order_by(col(NarrowingRow.at))))


async def note_problem(tx: Tx, digest: ProposalDigest, problem: str) -> None:
    """Say why nothing can be proposed of it. Raises StaleStateError when that was said before."""
    moved = await tx.execute(
        update(NarrowingRow)
        .where(col(NarrowingRow.digest) == digest, col(NarrowingRow.problem) == "")
        .values(problem=columns.storable(problem))
        .returning(col(NarrowingRow.digest))
        .execution_options(synchronize_session=False)
    )
    if moved.first() is None:
        raise StaleStateError(f"the change of {digest} was given up already, or there was none")


def _asked(row: NarrowingRow) -> Asked:
    return Asked(**{name: getattr(row, name) for name in _SAME}, incident=row.incident_id)
