"""What the specialists asked and what came back, kept so that an incident can be replayed offline.

Evidence is what a person reads; a look is what a replay reads. Views that are word for word an evidence's body are kept
there only. Looks are packed, because nobody searches in them.
"""

import zlib

from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from incidents.evidence import Evidence
from incidents.ids import EvidenceId, IncidentId
from incidents.recording import Answer, Look
from orchestrator.store import columns
from orchestrator.store.casefiles import evidence_of
from orchestrator.store.columns import Row
from orchestrator.store.transaction import Tx

_LEVEL = 1
"""zlib's fastest: JSON shrinks to a sixth of its size with it already."""


class LookRow(Row, table=True):
    """One errand of one specialist."""

    __tablename__ = "look"

    incident_id: IncidentId = columns.text(key=True, to="incident.id")
    key: str = columns.text(key=True)
    packed: bytes = columns.packed()
    """The look as JSON, packed by zlib; its evidence without bodies."""


async def keep_look(tx: Tx, incident: IncidentId, look: Look) -> None:
    """Keep a look; the bodies of its evidence stand with the report. A repeated errand takes the place of the first."""
    bare = look.model_copy(update={"answers": tuple(_bare(answer) for answer in look.answers)})
    packed = zlib.compress(bare.model_dump_json(exclude_defaults=True).encode(), _LEVEL)
    values = {"incident_id": incident, "key": look.key, "packed": packed}
    statement = insert(LookRow).values([values])
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["incident_id", "key"], set_={"packed": statement.excluded.packed}
        )
    )


async def looks_of(tx: Tx, incident: IncidentId) -> tuple[Look, ...]:
    """All looks at an incident with their evidence, in the order of rounds and agents."""
    kept = {item.id: item for item in await evidence_of(tx, incident)}
    rows = await tx.scalars(select(LookRow).where(col(LookRow.incident_id) == incident))
    looks = [_LOOK.validate_json(zlib.decompress(row.packed)) for row in rows]
    whole = [
        look.model_copy(update={"answers": tuple(_whole(answer, kept) for answer in look.answers)}) for look in looks
    ]
    return tuple(sorted(whole, key=lambda look: (look.round, look.agent, look.question or "")))


_LOOK = TypeAdapter(Look)


def _bare(answer: Answer) -> Answer:
    if answer.evidence is None:
        return answer
    return answer.model_copy(update={"evidence": answer.evidence.model_copy(update={"body": ""})})


def _whole(answer: Answer, kept: dict[EvidenceId, Evidence]) -> Answer:
    if answer.evidence is None:
        return answer
    return answer.model_copy(update={"evidence": kept.get(answer.evidence.id, answer.evidence)})
