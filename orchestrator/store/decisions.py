"""Decisions of people, and clicks that did not count. The rule that judges them is `incidents.approval`."""

from datetime import datetime

from sqlalchemy import UniqueConstraint, insert
from sqlmodel import col, select

from incidents.approval import Channel, Choice, Decision, Person, Refusal
from incidents.ids import DecisionId, PersonId, ProposalDigest
from incidents.value import Value
from orchestrator.store import columns
from orchestrator.store.columns import Row
from orchestrator.store.transaction import Tx


class DecisionRow(Row, table=True):
    """One decision that counts. A person decides once on a digest."""

    __tablename__ = "decision"
    __table_args__ = (UniqueConstraint("digest", "person_id"),)

    id: DecisionId = columns.text(key=True)
    digest: ProposalDigest = columns.text(to="proposal.digest")
    person_id: PersonId = columns.text(index=True)
    choice: Choice = columns.word(Choice)
    at: datetime = columns.moment()
    document: Decision = columns.document(Decision)


class DecisionRefusalRow(Row, table=True):
    """One click that did not count, with the reason that the clicker was told."""

    __tablename__ = "decision_refusal"

    id: int | None = columns.counted()
    digest: ProposalDigest = columns.text(index=True)
    """As it was clicked; there may be no such proposal."""
    person: Person = columns.document(Person)
    choice: Choice = columns.word(Choice)
    refusal: Refusal = columns.word(Refusal)
    message: str = columns.text()
    channel: Channel = columns.word(Channel)
    at: datetime = columns.moment()


class RefusedClick(Value):
    """A click that did not count."""

    digest: ProposalDigest
    person: Person
    choice: Choice
    refusal: Refusal
    message: str
    channel: Channel
    at: datetime


async def save_decision(tx: Tx, decision: Decision) -> None:
    """Store a decision. A second one of the same person on the same digest is an integrity error."""
    await tx.execute(
        insert(DecisionRow).values(
            id=decision.id,
            digest=decision.digest,
            person_id=decision.person.id,
            choice=decision.choice,
            at=decision.at,
            document=decision,
        )
    )


async def decisions_on(tx: Tx, digest: ProposalDigest) -> tuple[Decision, ...]:
    """The decisions that count on a digest, in order."""
    query = select(col(DecisionRow.document)).where(col(DecisionRow.digest) == digest)
    return tuple(await tx.scalars(query.order_by(col(DecisionRow.at), col(DecisionRow.id))))


async def save_refusal(tx: Tx, click: RefusedClick) -> None:
    """Store a click that did not count."""
    await tx.execute(
        insert(DecisionRefusalRow).values(**{name: getattr(click, name) for name in type(click).model_fields})
    )


async def refusals_on(tx: Tx, digest: ProposalDigest) -> tuple[RefusedClick, ...]:
    """Clicks on a digest that did not count, in order."""
    rows = await tx.scalars(
        select(DecisionRefusalRow).where(col(DecisionRefusalRow.digest) == digest).order_by(col(DecisionRefusalRow.id))
    )
    return tuple(RefusedClick(**{name: getattr(row, name) for name in RefusedClick.model_fields}) for row in rows)
