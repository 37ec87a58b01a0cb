"""What an investigation has used of its budget.

Model calls, tokens, money and seconds, counted where every process sees it.
"""

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from incidents.ids import IncidentId
from incidents.value import Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.transaction import Tx


class SpendingRow(Row, table=True):
    """The sums of one incident and model."""

    __tablename__ = "spending"

    incident_id: IncidentId = columns.text(key=True, to="incident.id")
    model: str = columns.text(key=True)
    calls: int = columns.number(default=0)
    tokens_in: int = columns.number(default=0)
    tokens_out: int = columns.number(default=0)
    usd: float = columns.real(default=0.0)
    seconds: float = columns.real(default=0.0)


class Spending(Value):
    """A sum, or one addition to it. `model` is empty for work without a model."""

    model: str = ""
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    usd: float = 0.0
    seconds: float = 0.0


async def add_spending(tx: Tx, incident: IncidentId, spent: Spending) -> None:
    """Add to the sums of the incident."""
    sums = spent.model_dump(exclude={"model"})
    statement = insert(SpendingRow).values(incident_id=incident, model=spent.model, **sums)
    grown = {name: SpendingRow.metadata.tables["spending"].c[name] + statement.excluded[name] for name in sums}
    await tx.execute(statement.on_conflict_do_update(index_elements=["incident_id", "model"], set_=grown))


async def spending_of(tx: Tx, incident: IncidentId) -> tuple[Spending, ...]:
    """The sums of an incident, one per model."""
    query = select(SpendingRow).where(col(SpendingRow.incident_id) == incident).order_by(col(SpendingRow.model))
    rows = await tx.scalars(query)
    return tuple(Spending(**{name: getattr(row, name) for name in Spending.model_fields}) for row in rows)
