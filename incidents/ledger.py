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


def entry_hash(
    *, seq: int, at: datetime, kind: EntryKind, incident: IncidentId | None, actor: str, payload: Json, previous: Digest
) -> Digest:
    """SHA-256 over the canonical JSON of the entry without its hash."""
    return digest_of(
        {
            "seq": seq,
            "at": at.isoformat(),
            "kind": kind,
            "incident": incident,
            "actor": actor,
            "payload": payload,
            "previous": previous,
        }
    )


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
    if entry.seq != expected:
        yield Break(seq=entry.seq, problem=f"expected entry {expected} here: one was removed or reordered")
    if entry.previous != previous:
        yield Break(seq=entry.seq, problem="does not follow from the entry before it")
    fields = entry.model_dump(exclude={"hash"})
    if entry_hash(**fields) != entry.hash:
        yield Break(seq=entry.seq, problem="its content was changed after it was written")
