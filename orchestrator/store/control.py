"""The kill switch: one row that every process looks at before it starts anything that changes the outside."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from incidents.ids import PersonId
from incidents.value import Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.moment import database_time
from orchestrator.store.transaction import Tx

SWITCH = "kill-switch"


class Switch(Value):
    """Whether execution is paused, by whom, why, since when and for how long."""

    paused: bool = False
    by: PersonId | None = None
    reason: str = ""
    at: datetime | None = None
    until: datetime | None = None
    """When the pause ends by itself; None: when somebody resumes."""

    def at_time(self, now: datetime) -> "Switch":
        """How it stands then: a pause that has ended is none."""
        over = self.paused and self.until is not None and now >= self.until
        return self.model_copy(update={"paused": False}) if over else self

    def outlasts(self, end: datetime | None) -> bool:
        """Whether it is paused for longer than until `end`; None is without an end."""
        return self.paused and end is not None and (self.until is None or end < self.until)


class ControlRow(Row, table=True):
    """One switch."""

    __tablename__ = "control"

    name: str = columns.text(key=True)
    document: Switch = columns.document(Switch)


async def switch_of(tx: Tx) -> Switch:
    """How the kill switch stands now; not paused when it was never used.

    A pause ends when both the process's clock and the database's say so: a machine that is ahead ends none early.
    """
    row = await tx.get(ControlRow, SWITCH)
    if row is None:
        return Switch()
    known = await database_time(tx, tx.clock) if row.document.paused and row.document.until else None
    return row.document.at_time(min(tx.clock.now(), known or tx.clock.now()))


async def set_switch(tx: Tx, switch: Switch) -> None:
    """Set the kill switch. `orchestrator.decisions` does it with the check of the person and the ledger entry."""
    statement = insert(ControlRow).values(name=SWITCH, document=switch)
    await tx.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"document": switch}))
