"""Makes the proof of an incident's entries from the ledger, and checks one with the keys that the reader trusts."""

from collections.abc import Sequence

from pydantic import ValidationError

from incidents.heads import PublicKey, SignedHead, Trust
from incidents.ids import IncidentId
from incidents.ledger import Break, Entry, EntryKind, Link
from incidents.proof import Proof, breaks_of
from orchestrator.audit.keys import Keyring
from orchestrator.store.heads import heads_of
from orchestrator.store.ledger import entries, kinds_of
from orchestrator.store.transaction import Tx


async def prove(tx: Tx, incident: IncidentId) -> Proof:
    """The incident's entries, and links from the first of them up to the first head that covers them all."""
    own: list[Entry] = [entry async for entry in entries(tx, incident=incident)]
    if not own:
        return Proof(entries=(), links=(), head=None, keys=())
    first, last = own[0].seq, own[-1].seq
    head = _covering(await heads_of(tx), last)
    end = head.head.seq if head else last
    places = {entry.seq for entry in own}
    links: list[Link] = []
    async for entry in entries(tx, after=first - 1):
        if entry.seq > end:
            break
        if entry.seq not in places:
            links.append(entry.link)
    return Proof(entries=tuple(own), links=tuple(links), head=head, keys=await _keys(tx))


def checked(proof: Proof, trusted: Keyring) -> tuple[tuple[Break, ...], Trust | None]:
    """What does not hold, and how well the head is founded; None without a head."""
    breaks = breaks_of(proof)
    if proof.head is None:
        return breaks, None
    trust = trusted.with_named(proof.keys).trust(proof.head)
    if trust is Trust.INVALID:
        broken = Break(seq=proof.head.head.seq, problem="the head's signature is not that of its key")
        return (*breaks, broken), trust
    return breaks, trust


def _covering(heads: Sequence[SignedHead], last: int) -> SignedHead | None:
    fitting = [signed for signed in heads if signed.head.seq >= last]
    return min(fitting, key=lambda signed: signed.head.seq, default=None)


async def _keys(tx: Tx) -> tuple[PublicKey, ...]:
    found = []
    for entry in await kinds_of(tx, EntryKind.SIGNING_KEY):
        try:
            found.append(PublicKey.model_validate(entry.payload.get("key")))
        except ValidationError:
            continue  # whoever wrote that is no signer
    return tuple(found)
