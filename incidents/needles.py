"""Looks for many short words in a text at once, to know which searches are worth while. Pure but for what it remembers.

A text that holds none of the words is remembered by its shape: lines of a log differ in little but their figures.
"""

from collections import Counter
from collections.abc import Iterable

LONG = 512
"""Characters from which a text is taken apart into its words before it is searched."""
FAMILY = 3
"""Needles that begin alike from which their beginning is looked for first."""
REMEMBERED_SHAPES = 8192
"""Shapes remembered, at most 4 MiB in all; then they are forgotten together."""
_DIGITS = b"0123456789"


class Needles:
    """Lowercase ASCII words to be found in any text."""

    def __init__(self, words: Iterable[str]) -> None:
        """Take the words."""
        self._words = tuple(sorted(set(words)))
        letters = frozenset("".join(self._words))
        self._folding = _folding(letters)
        folded = [(word, word.encode("ascii").translate(None, _DIGITS)) for word in self._words]
        sizes = Counter(text[:2] for _, text in folded)
        begun = sorted({text[:2] if sizes[text[:2]] >= FAMILY else text for _, text in folded})
        self._families = tuple((start, tuple(one for one in folded if one[1].startswith(start))) for start in begun)
        self._harmless: set[bytes] = set()

    @property
    def remembered(self) -> frozenset[bytes]:
        """The shapes that are known to hold no needle."""
        return frozenset(self._harmless)

    def found_in(self, text: str) -> frozenset[str]:
        """All needles that the text holds, and perhaps some that it holds with digits in between."""
        if not text.isascii():  # letters beyond ASCII may be of one case with ASCII's
            lowered = text.lower()
            return frozenset([word for word in self._words if word in lowered])
        shape = self._shape(text)
        if shape in self._harmless:
            return frozenset()
        families = [family for start, family in self._families if start in shape]
        found = frozenset([word for family in families for word, folded in family if folded in shape])
        if not found and len(shape) < LONG:
            self._remember(shape)
        return found

    def _shape(self, text: str) -> bytes:
        """An ASCII text as it is searched: lowercase, without digits, its words apart.

        What is long is JSON mostly, which says the same words over and over: of that, each is kept once.
        """
        shape = text.encode("ascii").translate(self._folding, _DIGITS)
        return shape if len(text) < LONG else b"\n".join(set(shape.split(b"\n")))

    def _remember(self, shape: bytes) -> None:
        if len(self._harmless) >= REMEMBERED_SHAPES:
            self._harmless.clear()
        self._harmless.add(shape)


def _folding(letters: frozenset[str]) -> bytes:
    """For `bytes.translate`: lowercase, and the end of a word where a character stands that no needle has in it."""
    ascii_ = (ord(chr(one).lower() if chr(one).lower() in letters else "\n") for one in range(128))
    return bytes(ascii_) + b"\n" * 128
