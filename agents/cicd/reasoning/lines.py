"""A commit's patches as lines that really changed: what was moved, reformatted or commented does not count. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from functools import cached_property

from agents.cicd.touches import FileClass, file_class
from incidents.redaction import MARK
from incidents.value import Value
from tools.github.client import ChangedFile

ALIKE = 0.55
"""Similarity (0..1, difflib) from which a line that came is taken for the new form of one that went."""
_HUNK = re.compile(r"^@@(?P<place>[^@]*)@@(?P<heading>.*)$|^@@(?P<rest>.*)$")
_COMMENT = re.compile(r"^(?://|#(?!\s*(?:define|if|include|pragma))|\*|/\*|<!--|--\s|;;|\"\"\"|''')")
_STYLE = re.compile(r"\.(css|scss|less|svg|png|jpe?g|gif|ico|woff2?|html|tmpl|hbs|po|pot)$", re.IGNORECASE)
_STYLING = re.compile(r"(theme|palette|tokens|styles?|colou?rs?|icons?|i18n|locales?)\.(ts|tsx|js|jsx|json)$")
NOTHING_RUNS = frozenset({FileClass.DOCS, FileClass.TEST, FileClass.CI})


class Line(Value):
    """One line of a patch, without its sign."""

    path: str
    hunk: int
    text: str

    @cached_property
    def plain(self) -> str:
        """The same without what formatting decides."""
        return re.sub(r"\s+", " ", self.text).strip().rstrip(",;").strip()


class Hunk(Value):
    """One place of one file: what stood there, what went and what came, and what it belongs to."""

    path: str
    number: int
    heading: str = ""
    """What the patch names as surroundings: a function, a type."""
    before: tuple[str, ...] = ()
    """Lines as they were, in order, those that stayed included."""
    after: tuple[str, ...] = ()
    """Lines as they are."""
    removed: tuple[Line, ...] = ()
    added: tuple[Line, ...] = ()


class Diff(Value):
    """What one commit changed in what runs."""

    files: tuple[str, ...]
    """Paths of all files, what does not run included."""
    hunks: tuple[Hunk, ...]
    unread: tuple[str, ...] = ()
    """Files of which the patch is not known or was cut."""

    @cached_property
    def removed(self) -> tuple[Line, ...]:
        """Lines that went and came back nowhere."""
        return _without((line for hunk in self.hunks for line in hunk.removed), self._counts("added"))

    @cached_property
    def added(self) -> tuple[Line, ...]:
        """Lines that came and did not go elsewhere."""
        return _without((line for hunk in self.hunks for line in hunk.added), self._counts("removed"))

    @cached_property
    def pairs(self) -> tuple[tuple[Line, Line], ...]:
        """Lines that went with the lines that took their place, most alike first."""
        rated = [
            (SequenceMatcher(None, old.plain, new.plain).ratio(), place, old, new)
            for place, old in enumerate(self.removed)
            for new in self.added
            if new.path == old.path and new.hunk == old.hunk
        ]
        rated.sort(key=lambda one: (-one[0], one[1]))
        found: list[tuple[Line, Line]] = []
        for alike, _, old, new in rated:
            taken = any(old is one or new is other for one, other in found)
            if alike >= ALIKE and not taken:
                found.append((old, new))
        return tuple(found)

    def _counts(self, side: str) -> Counter[str]:
        return Counter(line.plain for hunk in self.hunks for line in getattr(hunk, side))


def read_diff(files: Iterable[ChangedFile]) -> Diff:
    """The lines of a commit that can change how something runs."""
    every = tuple(files)
    running = [file for file in every if runs(file.path)]
    return Diff(
        files=tuple(file.path for file in every),
        hunks=tuple(hunk for file in running for hunk in _hunks(file)),
        unread=tuple(file.path for file in running if not file.patch or file.cut),
    )


def runs(path: str) -> bool:
    """Whether a file is part of what a server runs or is told: not text, tests, pipelines, looks."""
    return file_class(path) not in NOTHING_RUNS and not _STYLE.search(path) and not _STYLING.search(path)


def _hunks(file: ChangedFile) -> Iterator[Hunk]:
    heading, number, body = "", 0, list[str]()
    for line in file.patch.splitlines():
        if line.startswith("@@"):
            if body:
                yield _hunk(file.path, number, heading, body)
            found = _HUNK.match(line)
            said = (found["heading"] or "", found["place"] or found["rest"] or "") if found else ("", "")
            heading = " ".join(part.strip() for part in said if not re.fullmatch(r"[\s\d,+-]*", part))
            number, body = number + 1, []
        else:
            body.append(line)
    if body or heading:
        yield _hunk(file.path, number, heading, body)


def _hunk(path: str, number: int, heading: str, body: list[str]) -> Hunk:
    def lines(sign: str) -> tuple[Line, ...]:
        own = [line[1:] for line in body if line.startswith(sign)]
        return tuple(Line(path=path, hunk=number, text=text) for text in own if not is_comment(text))

    return Hunk(
        path=path,
        number=number,
        heading=heading,
        before=tuple(line[1:] if line[:1] in {"-", " "} else line for line in body if not line.startswith("+")),
        after=tuple(line[1:] if line[:1] in {"+", " "} else line for line in body if not line.startswith("-")),
        removed=lines("-"),
        added=lines("+"),
    )


def is_comment(text: str) -> bool:
    """Whether a line says nothing to a machine."""
    plain = text.strip()
    return not plain or bool(_COMMENT.match(plain)) or plain in {"{", "}", "(", ")", "});", "},"}


def _without(lines: Iterable[Line], elsewhere: Counter[str]) -> tuple[Line, ...]:
    left = Counter(elsewhere)
    found: list[Line] = []
    for line in lines:
        if left[line.plain] > 0 and MARK not in line.plain:
            left[line.plain] -= 1
        else:
            found.append(line)
    return tuple(found)


_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


def names_in(text: str) -> tuple[str, ...]:
    """Identifiers of a text, in order, each once."""
    return tuple(dict.fromkeys(_WORD.findall(text)))


def words_of(name: str) -> tuple[str, ...]:
    """`registerPredefinedAgents` -> register, predefined, agents."""
    return tuple(part.lower() for part in _PART.findall(name))
