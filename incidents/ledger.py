"""The append-only, hash-chained record: entries, hashes, and the check that finds what was changed or removed."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from incidents.canonical import Json, digest_of
from incidents.ids import Digest, IncidentId
from incidents.value import Value

GENESIS = Digest("sha256:" + "0" * 64)


class EntryKind(StrEnum):
    """What happened."""

    INCIDENT_OPENED = "incident_opened"
    DIAGNOSED = "diagnosed"
    PROPOSED = "proposed"
    DECIDED = "decided"
    DECISION_REFUSED = "decision_refused"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    POLICY_DENIED = "policy_denied"
    EXECUTION_REFUSED = "execution_refused"
    DISPATCHED = "dispatched"
    EXECUTED = "executed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    VERIFIED = "verified"
    UNDO_DISPATCHED = "undo_dispatched"
    UNDONE = "undone"
    ESCALATED = "escalated"
    INCIDENT_CLOSED = "incident_closed"
    PAUSED = "paused"
    RESUMED = "resumed"
    SIGNING_KEY = "signing_key"
    """A key that signs heads from here on; the key before it vouches for it."""
    REJECTION_LIFTED = "rejection_lifted"
    """Somebody allowed again what a person had rejected."""
    POLICY_CHANGED = "policy_changed"
    """Another policy is in force from here on, or the old one again after its files could not be used."""
    POLICY_REFUSED = "policy_refused"
    """The policy's files were changed and cannot be used: the one before stays in force."""
    TICKET_FILED = "ticket_filed"
    """What is left to do was filed in a tracker, once."""
    NARROWED = "narrowed"
    """Somebody narrowed a proposal: it takes no decisions any more, the narrower one is a proposal of its own."""
    STEERING_REFUSED = "steering_refused"
    """Somebody asked for something beside a decision (a pause, another look, hands off) and was not given it."""


class Link(Value):
    """An entry without its content: what it takes to follow the chain past an entry that is nobody's business here."""

    seq: int
    previous: Digest
    content: Digest
    hash: Digest


class Entry(Value):
    """One line. `hash` covers all else, `previous` included."""

    seq: int
    at: datetime
    kind: EntryKind
    incident: IncidentId | None
    actor: str
    """A person's id, or the role of the process: `executor`, `worker`."""
    payload: dict[str, object]
    """Plain JSON."""
    previous: Digest
    hash: Digest

    @property
    def link(self) -> Link:
        """The same without its content, computed anew: `hash` is what the content gives, whatever the entry says."""
        fields = self.model_dump(exclude={"hash", "seq", "previous"})
        content = content_digest(**fields)
        return Link(
            seq=self.seq,
            previous=self.previous,
            content=content,
            hash=link_hash(seq=self.seq, previous=self.previous, content=content),
        )


def content_digest(*, at: datetime, kind: EntryKind, incident: IncidentId | None, actor: str, payload: Json) -> Digest:
    """SHA-256 over the canonical JSON of what an entry says."""
    return digest_of({"at": at.isoformat(), "kind": kind, "incident": incident, "actor": actor, "payload": payload})


def link_hash(*, seq: int, previous: Digest, content: Digest) -> Digest:
    """SHA-256 over an entry's place in the chain and the digest of its content.

    Hashed in two steps, so that an evidence pack of one incident can lead from its entries to a signed head without
    showing what the entries between them say.
    """
    return digest_of({"seq": seq, "previous": previous, "content": content})


def entry_hash(
    *, seq: int, at: datetime, kind: EntryKind, incident: IncidentId | None, actor: str, payload: Json, previous: Digest
) -> Digest:
    """The hash of an entry with this content at this place."""
    content = content_digest(at=at, kind=kind, incident=incident, actor=actor, payload=payload)
    return link_hash(seq=seq, previous=previous, content=content)


class Break(Value):
    """Where the chain does not hold, and how."""

    seq: int
    problem: str


def verify(entries: Iterable[Entry]) -> list[Break]:
    """All breaks of a chain that should start at sequence 1 and be complete. Empty means that it holds."""
    breaks: list[Break] = []
    previous, expected = GENESIS, 1
    for entry in entries:
        breaks.extend(problems(entry, previous=previous, expected=expected))
        previous, expected = entry.hash, entry.seq + 1
    return breaks


def problems(entry: Entry, *, previous: Digest, expected: int) -> Iterable[Break]:
    """What is wrong with one entry, given the hash before it and the sequence number that is due."""
    yield from misplaced(entry, previous=previous, expected=expected)
    if entry.link.hash != entry.hash:
        yield Break(seq=entry.seq, problem="its content was changed after it was written")


def misplaced(entry: Entry | Link, *, previous: Digest, expected: int) -> Iterable[Break]:
    """What is wrong with an entry's place in the chain, whatever it says."""
    if entry.seq != expected:
        yield Break(seq=entry.seq, problem=f"expected entry {expected} here: one was removed or reordered")
    if entry.previous != previous:
        yield Break(seq=entry.seq, problem="does not follow from the entry before it")
