"""The kill switch: one row that every process looks at before it starts anything that changes the outside."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from incidents.ids import PersonId
from incidents.value import Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
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


class ControlRow(Row, table=True):
    """One switch."""

    __tablename__ = "control"

    name: str = columns.text(key=True)
    document: Switch = columns.document(Switch)


async def switch_of(tx: Tx) -> Switch:
    """How the kill switch stands now; not paused when it was never used."""
    row = await tx.get(ControlRow, SWITCH)
    return Switch() if row is None else row.document.at_time(tx.clock.now())


async def set_switch(tx: Tx, switch: Switch) -> None:
    """Set the kill switch. `orchestrator.decisions` does it with the check of the person and the ledger entry."""
    statement = insert(ControlRow).values(name=SWITCH, document=switch)
    await tx.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"document": switch}))
