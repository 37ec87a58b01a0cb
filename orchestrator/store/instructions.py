"""What people told Midwatch about an incident: context, corrections, questions, and what it must leave alone."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Literal

from sqlalchemy import insert
from sqlmodel import col, select

from incidents.approval import Channel
from incidents.ids import EntityId, IncidentId, PersonId
from incidents.value import Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.transaction import Tx


class InstructionKind(StrEnum):
    """What it is about."""

    CONTEXT = "context"
    """Something to know; shown with the incident."""
    HANDS_OFF = "hands_off"
    """Nothing may be proposed for, or done to, this entity while the incident lasts."""
    MORE_EVIDENCE = "more_evidence"
    """Look once more before anybody decides."""
    REHEARSE = "rehearse"
    """Preview the plan anew."""
    CHANGE = "change"
    """Preview and rehearse what a person made of the proposal."""
    SNOOZE = "snooze"
    """No reminders until `until`."""
    TAKE_OVER = "take_over"
    """A person goes on alone."""


class InstructionRow(Row, table=True):
    """One thing that somebody said."""

    __tablename__ = "instruction"

    id: int | None = columns.counted()
    incident_id: IncidentId = columns.text(index=True, to="incident.id")
    kind: InstructionKind = columns.word(InstructionKind)
    entity: str = columns.text()
    text: str = columns.text()
    person_id: PersonId = columns.text()
    person: str = columns.text()
    channel: Channel = columns.word(Channel)
    at: datetime = columns.moment()
    until: datetime | None = columns.moment(null=True)
    key: str = columns.text(unique=True)
    """Names what was said, so that a repeated delivery is kept once."""


class Instruction(Value):
    """One thing that somebody said."""

    incident: IncidentId
    kind: InstructionKind
    entity: EntityId | None = None
    text: str = ""
    person_id: PersonId
    person: str
    channel: Channel
    at: datetime
    until: datetime | None = None
    key: str


async def save_instruction(tx: Tx, said: Instruction) -> bool:
    """Keep it; False when it was kept before."""
    async with tx.begin_nested():
        known = await tx.scalars(select(InstructionRow).where(col(InstructionRow.key) == said.key))
        if known.first() is not None:
            return False
        values = said.model_dump() | {"incident_id": said.incident, "entity": said.entity or ""}
        del values["incident"]
        values["text"] = columns.storable(said.text)
        await tx.execute(insert(InstructionRow).values(**values))
    return True


async def instructions_of(tx: Tx, incident: IncidentId) -> tuple[Instruction, ...]:
    """What was said about an incident, oldest first."""
    query = select(InstructionRow).where(col(InstructionRow.incident_id) == incident).order_by(col(InstructionRow.id))
    return tuple(_instruction(row) for row in await tx.scalars(query))


async def left_alone(tx: Tx, incident: IncidentId) -> frozenset[EntityId]:
    """Entities that people said must be left alone."""
    said = await instructions_of(tx, incident)
    return frozenset(s.entity for s in said if s.kind is InstructionKind.HANDS_OFF and s.entity)


async def hands_off(tx: Tx, incident: IncidentId, entities: Collection[EntityId]) -> str | None:
    """Who said that one of these must be left alone, in words; None when nobody did."""
    for said in await instructions_of(tx, incident):
        if said.kind is InstructionKind.HANDS_OFF and said.entity and said.entity in entities:
            return f"{said.person} said to leave {said.entity.split('/', 3)[-1]} alone"
    return None


async def restart_at(tx: Tx, incident: IncidentId) -> Literal["triage", "plan"]:
    """Where to go on after a wish withdrew a proposal: at the beginning, or at the plan of the case as it is."""
    wishes = [s.kind for s in await instructions_of(tx, incident) if s.kind in _RESTARTS]
    return "triage" if wishes and wishes[-1] is InstructionKind.MORE_EVIDENCE else "plan"


_RESTARTS = (
    InstructionKind.MORE_EVIDENCE,
    InstructionKind.REHEARSE,
    InstructionKind.HANDS_OFF,
    InstructionKind.CHANGE,
)


def _instruction(row: InstructionRow) -> Instruction:
    same = ("kind", "text", "person_id", "person", "channel", "at", "until", "key")
    fields = {name: getattr(row, name) for name in same}
    return Instruction(**fields, incident=row.incident_id, entity=EntityId(row.entity) if row.entity else None)
