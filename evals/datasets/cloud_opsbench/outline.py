"""Reads what `kubectl describe` prints: an outline of `Key: value` lines whose depth is their indentation.

Sections come and go with the kind and the version; this reader knows none of them. Tables inside an outline (events,
conditions, ports) are lines of text for `tables.py`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_KEYED = re.compile(r"(?P<key>\S.*?):(?:\s+(?P<value>.*))?$")
NOTHING = frozenset({"", "<none>", "<unset>", "<nil>", "<unknown>"})


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line: what stands before its first colon, what behind it, and the deeper lines below it."""

    key: str
    value: str
    text: str
    column: int
    below: list["Line"] = field(default_factory=list)

    @property
    def values(self) -> list[str]:
        """The value and those that continue it on the lines below."""
        return [text for text in (self.value, *(line.text for line in self.below)) if text not in NOTHING]

    def child(self, key: str) -> "Line | None":
        """The first line below with this key."""
        return next((line for line in self.below if line.key.lower() == key.lower()), None)

    def word(self, key: str) -> str:
        """The value of a line below; empty when it is not there or says that there is none."""
        found = self.child(key)
        return found.value if found is not None and found.value not in NOTHING else ""

    def rows(self, key: str) -> list[str]:
        """The lines of a table below, with their indentation relative to each other."""
        found = self.child(key)
        return [_shifted(line) for line in _flat(found)] if found is not None else []


def read_outline(text: str) -> Line:
    """Read an outline. The result stands for the whole; its lines are `below`."""
    root = Line(key="", value="", text="", column=-1)
    open_lines = [root]
    for raw in text.splitlines():
        stripped = raw.strip()
        if not stripped:
            continue
        column = len(raw) - len(raw.lstrip())
        while open_lines[-1].column >= column:
            open_lines.pop()
        line = _line(stripped, column)
        open_lines[-1].below.append(line)
        open_lines.append(line)
    return root


def _line(text: str, column: int) -> Line:
    match = _KEYED.match(text)
    if match is None:
        return Line(key="", value=text, text=text, column=column)
    return Line(key=match["key"], value=(match["value"] or "").strip(), text=text, column=column)


def _flat(line: Line) -> Iterator[Line]:
    for below in line.below:
        yield below
        yield from _flat(below)


def _shifted(line: Line) -> str:
    return " " * line.column + line.text


def pairs(line: Line | None, *, sign: str = "=") -> dict[str, str]:
    """Read `a=b` entries of labels and selectors, on one line (by commas) or on several."""
    found: dict[str, str] = {}
    for text in line.values if line is not None else ():
        parts = text.split(",") if sign == "=" and text.count("=") > 1 else [text]
        for part in parts:
            key, known, value = part.partition(sign)
            if known:
                found[key.strip()] = value.strip()
    return found
