"""A proof that some entries are part of a signed chain, without showing what the entries between them say. Pure.

The entries come whole, all others from the first of them up to the signed head as links (place and digests). Whoever
checks it computes every hash anew and must arrive at the hash that was signed.
"""

from collections.abc import Iterator, Sequence

from incidents.heads import PublicKey, SignedHead
from incidents.ledger import Break, Entry, Link, link_hash, misplaced
from incidents.value import Value


class Proof(Value):
    """Entries, and their way to a head."""

    entries: tuple[Entry, ...]
    links: tuple[Link, ...]
    """Everything between and behind them, up to the head."""
    head: SignedHead | None
    """None when nobody has signed that far yet."""
    keys: tuple[PublicKey, ...]
    """The keys that the ledger names. Whether one of them counts, the reader has to know from elsewhere."""


def breaks_of(proof: Proof) -> tuple[Break, ...]:
    """What does not hold, the signature aside. Empty means that the head's hash follows from the entries."""
    steps: list[Entry | Link] = sorted((*proof.entries, *proof.links), key=lambda step: step.seq)
    return (*_walk(steps), *_arrival(proof, steps))


def _walk(steps: Sequence[Entry | Link]) -> Iterator[Break]:
    if not steps:
        return
    expected, previous = steps[0].seq, steps[0].previous
    for step in steps:
        yield from misplaced(step, previous=previous, expected=expected)
        if _hash(step) != step.hash:
            yield Break(seq=step.seq, problem="its content was changed after it was written")
        expected, previous = step.seq + 1, step.hash


def _hash(step: Entry | Link) -> str:
    """What its hash has to be."""
    link = step.link if isinstance(step, Entry) else step
    return link_hash(seq=link.seq, previous=link.previous, content=link.content)


def _arrival(proof: Proof, steps: Sequence[Entry | Link]) -> Iterator[Break]:
    if proof.head is None or not steps:
        return
    head, last = proof.head.head, steps[-1]
    if last.seq != head.seq:
        yield Break(seq=last.seq, problem=f"it ends before entry {head.seq}, which was signed")
    elif last.hash != head.hash:
        yield Break(seq=last.seq, problem="the entries do not lead to the hash that was signed")
