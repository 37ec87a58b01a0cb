"""Signed heads of the ledger: a key outside the database says how far the chain had come, and with which hash.

The chain alone shows a change in its middle. A truncated end, or a chain written anew, is shown by a head that was
signed before and is kept where whoever can write the database cannot write. This file is pure: what a head says, which
bytes are signed, and what contradicts it. Signatures are made and checked in `orchestrator/audit/keys.py`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from incidents.canonical import canonical
from incidents.ids import Digest, KeyId
from incidents.ledger import Break
from incidents.value import Value

HEAD_PURPOSE = b"midwatch ledger head v1\n"
KEY_PURPOSE = b"midwatch signing key v1\n"
MANIFEST_PURPOSE = b"midwatch evidence manifest v1\n"
"""What a signature is for stands before what is signed, so that none can be passed off as one for something else."""


class Head(Value):
    """How far the chain had come: entry `seq` has this hash, and so has everything before it."""

    seq: int
    hash: Digest
    at: datetime
    """When it was signed, by the signer's clock."""


class SignedHead(Value):
    """A head, and who vouches for it."""

    head: Head
    key: KeyId
    signature: str
    """Base64 of the 64 bytes of Ed25519 (RFC 8032) over `signed_bytes`."""

    @property
    def signed_bytes(self) -> bytes:
        """What the signature covers."""
        return HEAD_PURPOSE + canonical(self.head)


class PublicKey(Value):
    """A key that signs heads, and the signature of the key before it, when there was one."""

    id: KeyId
    key: str
    """Base64 of the 32 raw bytes."""
    at: datetime
    """Since when it signs."""
    previous: KeyId | None = None
    endorsement: str = ""
    """Base64 of the signature of `previous` over `endorsed_bytes`: how trust goes on when a key is changed."""

    @property
    def endorsed_bytes(self) -> bytes:
        """What the key before it signs."""
        return KEY_PURPOSE + canonical({"id": self.id, "key": self.key, "at": self.at.isoformat()})


class Trust(StrEnum):
    """How well a signature is founded."""

    TRUSTED = "trusted"
    """By a key that was given, or that such a key vouches for."""
    SELF_NAMED = "self_named"
    """By a key that only the ledger itself names: against somebody who can write the database it proves nothing."""
    UNKNOWN = "unknown"
    """By a key that nobody here knows."""
    INVALID = "invalid"
    """The signature is not that of this key over this head."""


class HeadCheck(Value):
    """One signed head, and how well it is founded."""

    signed: SignedHead
    trust: Trust
    source: str
    """Where it was kept: `database`, or the name of a file."""


def contradictions(checks: Sequence[HeadCheck], *, hashes: Mapping[int, Digest], last: int) -> tuple[Break, ...]:
    """What the heads say against the chain. `hashes` has those of the chain at the heads' places, `last` its end."""
    found: list[Break] = []
    for check in checks:
        head = check.signed.head
        where = f"the head that was signed at {head.at:%Y-%m-%d %H:%M:%S} UTC ({check.source})"
        if check.trust is Trust.INVALID:
            found.append(Break(seq=head.seq, problem=f"{where} has a signature that is not its key's"))
        elif head.seq > last:
            gone = head.seq - last
            found.append(Break(seq=last + 1, problem=f"{where} knew {gone} more entries: the end was cut off"))
        elif hashes.get(head.seq) != head.hash:
            found.append(Break(seq=head.seq, problem=f"{where} knew another entry here: the chain was written anew"))
        elif check.trust is Trust.UNKNOWN:
            found.append(Break(seq=head.seq, problem=f"{where} was signed by {check.signed.key}, which nobody trusts"))
    return tuple(dict.fromkeys(found))


def newest(checks: Sequence[HeadCheck], *, trust: Trust = Trust.TRUSTED) -> SignedHead | None:
    """The head that covers most, of those founded like this."""
    fitting = [check.signed for check in checks if check.trust is trust]
    return max(fitting, key=lambda signed: (signed.head.seq, signed.head.at), default=None)
