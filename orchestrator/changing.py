"""Changes of proposals by people: the one door for Slack, the console and the API. A change may only narrow.

When this returns, the change is a row with its ledger entry, the old proposal takes no decisions any more, and a job
will preview, rehearse and propose the narrower one. What is refused is noted too.
"""

from datetime import datetime

from incidents.approval import Channel, Person, Refused, may_change, same_person
from incidents.canonical import Json
from incidents.card import card_of
from incidents.ids import IncidentId, ProposalDigest
from incidents.incident import EventKind, Phase
from incidents.ledger import EntryKind
from incidents.narrowed import Difference
from incidents.narrowing import Narrower, NotNarrower, Wanted, narrow
from incidents.value import Value
from orchestrator.decisions import UNKNOWN, closed, locked, replaced, supersede
from orchestrator.jobs import Task, enqueue
from orchestrator.refusing import refuse_in
from orchestrator.store.database import Store
from orchestrator.store.errors import UnknownError
from orchestrator.store.incidents import incident_of, move
from orchestrator.store.instructions import Instruction, InstructionKind, save_instruction
from orchestrator.store.ledger import record
from orchestrator.store.narrowings import Asked, narrowing_of, save_narrowing
from orchestrator.store.proposals import StoredProposal
from orchestrator.store.timeline import append_event
from orchestrator.store.transaction import Tx

CHANGE = "change"
"""What was asked, in the ledger's entry of a refusal."""


class Changed(Value):
    """It is taken up: the narrower proposal follows in seconds, under a digest of its own."""

    of: ProposalDigest
    differences: tuple[Difference, ...]

    @property
    def text(self) -> str:
        """What is previewed now."""
        return "; ".join(one.text for one in self.differences)


async def change(
    store: Store, digest: ProposalDigest, *, person: Person, wanted: Wanted, channel: Channel, now: datetime
) -> Changed | Refused | NotNarrower:
    """Narrow a pending proposal. The same wish of the same person again changes nothing and is answered the same."""
    async with store.transaction() as tx:
        try:
            stored = await locked(tx, digest)
        except UnknownError:
            return refuse_in(tx, UNKNOWN, asked=CHANGE, incident=None, person=person, now=now)
        before = await narrowing_of(tx, digest)
        if before is not None and _same(before, person, wanted):
            return Changed(of=digest, differences=before.narrower.differences)
        incident = stored.proposal.body.incident
        if refused := await _not_now(tx, stored, before, person=person, now=now):
            return refuse_in(tx, refused, asked=CHANGE, incident=incident, person=person, now=now)
        narrower = narrow(stored.proposal.body, wanted, now=now)
        if isinstance(narrower, NotNarrower):
            _note(tx, narrower, wanted, stored, person=person, channel=channel, now=now)
            return narrower
        asked = Asked(
            digest=digest, incident=incident, person=person, channel=channel, at=now, wanted=wanted, narrower=narrower
        )
        await _take_up(tx, stored, asked, narrower)
        return Changed(of=digest, differences=narrower.differences)


def _same(before: Asked, person: Person, wanted: Wanted) -> bool:
    """Whether it is the same click again. When it expires is counted from the click, so it differs by a moment."""
    mine, theirs = (one.model_copy(update={"expires_at": None}) for one in (before.wanted, wanted))
    return same_person(before.person.id, person.id) and mine == theirs


async def _not_now(
    tx: Tx, stored: StoredProposal, before: Asked | None, *, person: Person, now: datetime
) -> Refused | None:
    body = stored.proposal.body
    refused = may_change(body, status=stored.status, person=person, now=now)
    if refused is not None and before is not None:
        return replaced(refused, before)
    return refused or await closed(tx, body.incident)


async def _take_up(tx: Tx, stored: StoredProposal, asked: Asked, narrower: Narrower) -> None:
    person, incident, now = asked.person, asked.incident, asked.at
    await save_narrowing(tx, asked)
    payload: dict[str, Json] = {
        "digest": asked.digest,
        "person": person.model_dump(mode="json"),
        "channel": asked.channel.value,
        "wanted": asked.wanted.model_dump(mode="json"),
        "differences": [one.text for one in narrower.differences],
        "card": card_of(stored.proposal).model_dump(mode="json"),
    }
    record(tx, kind=EntryKind.NARROWED, incident=incident, actor=person.id, at=now, payload=payload)
    text = f"Narrowed by {person.name}: {'; '.join(one.text for one in narrower.differences)}"
    await append_event(
        tx,
        incident,
        kind=EventKind.DECISION,
        actor=person.name,
        text=text,
        at=now,
        refs=(asked.digest,),
        data={"choice": CHANGE},
    )
    because = f"{person.name} narrowed it, and the narrower one takes its place"
    await supersede(tx, stored, because=because, actor=person.id, now=now)
    await save_instruction(tx, _instruction(asked))
    await _begin_again(tx, incident, person, because=because, now=now)


async def _begin_again(tx: Tx, incident: IncidentId, person: Person, *, because: str, now: datetime) -> None:
    if (await incident_of(tx, incident)).phase is not Phase.INVESTIGATING:
        await move(tx, incident, to=Phase.INVESTIGATING, because=because, actor=person.id, now=now)
    await enqueue(tx, Task.ADVANCE, incident)


def _instruction(asked: Asked) -> Instruction:
    """What tells the graph where to go on: at the plan, which is that of the change."""
    return Instruction(
        incident=asked.incident,
        kind=InstructionKind.CHANGE,
        text="; ".join(one.text for one in asked.narrower.differences),
        person_id=asked.person.id,
        person=asked.person.name,
        channel=asked.channel,
        at=asked.at,
        key=f"change:{asked.digest}",
    )


def _note(
    tx: Tx,
    refused: NotNarrower,
    wanted: Wanted,
    stored: StoredProposal,
    *,
    person: Person,
    channel: Channel,
    now: datetime,
) -> None:
    """A wish that would have widened it is kept with its words."""
    payload = {
        "asked": CHANGE,
        "refusal": "not_narrower",
        "message": refused.message,
        "person": person.name,
        "digest": stored.proposal.digest,
        "channel": channel.value,
        "wanted": wanted.model_dump(mode="json"),
    }
    incident = stored.proposal.body.incident
    record(tx, kind=EntryKind.STEERING_REFUSED, incident=incident, actor=person.id, at=now, payload=payload)
