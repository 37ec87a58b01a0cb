"""Drafts of post-mortems, each version kept."""

from datetime import datetime

from sqlalchemy import insert
from sqlmodel import col, select

from incidents.ids import IncidentId
from incidents.value import Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.transaction import Tx


class PostmortemRow(Row, table=True):
    """One version."""

    __tablename__ = "postmortem"

    incident_id: IncidentId = columns.text(key=True, to="incident.id")
    version: int = columns.small(key=True)
    at: datetime = columns.moment()
    author: str = columns.text()
    markdown: str = columns.text()


class Draft(Value):
    """One version of a post-mortem. `author` is a person's id or the role of the process."""

    incident: IncidentId
    version: int
    at: datetime
    author: str
    markdown: str


async def save_postmortem(tx: Tx, incident: IncidentId, *, markdown: str, author: str, at: datetime) -> Draft:
    """Store the next version; the same text again is not a new one."""
    last = await postmortem_of(tx, incident)
    clean: str = columns.storable(markdown)
    if last is not None and last.markdown == clean:
        return last
    draft = Draft(incident=incident, version=last.version + 1 if last else 1, at=at, author=author, markdown=clean)
    await tx.execute(
        insert(PostmortemRow).values(
            incident_id=incident, version=draft.version, at=at, author=author, markdown=draft.markdown
        )
    )
    return draft


async def postmortem_of(tx: Tx, incident: IncidentId) -> Draft | None:
    """The newest version; None when nothing was written yet."""
    query = select(PostmortemRow).where(col(PostmortemRow.incident_id) == incident)
    row = (await tx.scalars(query.order_by(col(PostmortemRow.version).desc()).limit(1))).first()
    if row is None:
        return None
    return Draft(incident=row.incident_id, version=row.version, at=row.at, author=row.author, markdown=row.markdown)
