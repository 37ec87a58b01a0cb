"""Takes one change of a text back while keeping later ones: a three-way merge by lines. Pure.

Reverting commit C on branch head H is the merge of H and C's parent with C as their common base: what C changed goes
back to the parent, what changed since stays, and where both touch the same lines a person has to decide. The alignment
is diff3's (Khanna, Kunal, Pierce, "A Formal Investigation of Diff3", 2007) over difflib's matching blocks.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher

Lines = Sequence[str]


def merge(base: str, ours: str, theirs: str) -> str | None:
    """The text with the changes of both sides; None where they touch the same lines differently."""
    a, b, c = (text.splitlines(keepends=True) for text in (base, ours, theirs))
    merged: list[str] = []
    position, left, right = 0, 0, 0
    for anchor, in_ours, in_theirs, length in [*_stable(a, b, c), (len(a), len(b), len(c), 0)]:
        chunk = _choose(a[position:anchor], b[left:in_ours], c[right:in_theirs])
        if chunk is None:
            return None
        merged += [*chunk, *a[anchor : anchor + length]]
        position, left, right = anchor + length, in_ours + length, in_theirs + length
    return "".join(merged)


def _choose(base: Lines, ours: Lines, theirs: Lines) -> Lines | None:
    """What stands between two stable runs: the side that changed; None when both did, differently."""
    if theirs in (ours, base):
        return ours
    return theirs if ours == base else None


def _stable(base: Lines, ours: Lines, theirs: Lines) -> list[tuple[int, int, int, int]]:
    """Runs of lines that all three share: start in base, in ours, in theirs, and length."""
    to_ours, to_theirs = _aligned(base, ours), _aligned(base, theirs)
    runs: list[tuple[int, int, int, int]] = []
    for line in range(len(base)):
        if line not in to_ours or line not in to_theirs:
            continue
        start = (line, to_ours[line], to_theirs[line])
        if runs and start == tuple(number + runs[-1][3] for number in runs[-1][:3]):
            runs[-1] = (*runs[-1][:3], runs[-1][3] + 1)
        else:
            runs.append((*start, 1))
    return runs


def _aligned(base: Lines, other: Lines) -> dict[int, int]:
    """Line of the base -> the same line of the other text, in order."""
    blocks = SequenceMatcher(a=base, b=other, autojunk=False).get_matching_blocks()
    return {block.a + i: block.b + i for block in blocks for i in range(block.size)}
