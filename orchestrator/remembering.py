"""Lifts a rejection: whoever could decide on a proposal may let it be proposed again (`incidents.rejection`)."""

from datetime import datetime

from incidents.approval import Person, Refusal, Refused
from incidents.ids import ProposalDigest
from incidents.incident import EventKind
from incidents.ledger import EntryKind
from incidents.policy import PolicyVerdict
from incidents.rejection import Lifted, Rejection
from incidents.scope import roles_at
from orchestrator.store.database import Store
from orchestrator.store.errors import UnknownError
from orchestrator.store.ledger import record
from orchestrator.store.proposals import proposal_by
from orchestrator.store.rejections import lift_rejection, rejection_on
from orchestrator.store.timeline import append_event
from orchestrator.store.transaction import Tx

ADMIN = "admin"


async def lift(
    store: Store, digest: ProposalDigest, *, person: Person, because: str, now: datetime
) -> Rejection | Refused:
    """Let what was rejected be proposed again; whoever could decide on it, or an admin, may.

    Raises UnknownError; StaleStateError when it was lifted already.
    """
    async with store.transaction() as tx:
        found = await rejection_on(tx, digest)
        if found is None:
            raise UnknownError(f"no rejection of the proposal {digest} is remembered")
        refused = _refused((await proposal_by(tx, digest)).proposal.body.policy, person, because)
        if refused is not None:
            return refused
        lifted = await lift_rejection(tx, found, Lifted(by=person.id, at=now, because=because.strip()))
        await _tell(tx, lifted, person=person, because=because.strip(), now=now)
        return lifted


def _refused(verdict: PolicyVerdict, person: Person, because: str) -> Refused | None:
    if person.bot:
        return Refused(refusal=Refusal.BOT, message="A bot cannot decide: a person has to.")
    wanted = {*verdict.approvers, ADMIN}
    if not roles_at(person.roles, person.grants, verdict.places) & wanted:
        roles = " or ".join(sorted(wanted))
        message = f"Only {roles} may lift this rejection; {person.name} has no such role here."
        return Refused(refusal=Refusal.MISSING_ROLE, message=message)
    if not because.strip():
        return Refused(refusal=Refusal.REASON_NEEDED, message="Say why it may be proposed again.")
    return None


async def _tell(tx: Tx, lifted: Rejection, *, person: Person, because: str, now: datetime) -> None:
    payload = {"digest": lifted.digest, "reason": lifted.reason, "because": because}
    record(tx, kind=EntryKind.REJECTION_LIFTED, incident=lifted.incident, actor=person.id, at=now, payload=payload)
    text = f"Lifted the rejection by {lifted.person.name} ({lifted.reason}): {because}"
    refs = (lifted.digest,)
    await append_event(tx, lifted.incident, kind=EventKind.DECISION, actor=person.name, text=text, at=now, refs=refs)
