"""Reads the tables that `kubectl get` prints, whatever their columns: every cell by its column's name."""

import re
from collections.abc import Sequence

from evals.datasets.cloud_opsbench.outline import NOTHING

Row = dict[str, str]
"""Column name (as printed) -> cell; empty where kubectl wrote that there is nothing."""

_HEADING = re.compile(r"\S+(?: \S+)*")
"""A column's name: words with single spaces between them."""
_RULE = re.compile(r"[-\s]+")


def read_table(text: str) -> list[Row]:
    """Rows of a table with a line of headings. What has no headings has no rows."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or not lines[0].lstrip()[:1].isupper():
        return []
    return [_row(line, _columns(lines[0])) for line in lines[1:] if not _RULE.fullmatch(line)]


def read_rows(lines: Sequence[str]) -> list[Row]:
    """The same for the lines of a table inside an outline, all of them with its indentation."""
    return read_table("\n".join(lines))


def _columns(heading: str) -> list[tuple[str, int]]:
    return [(match[0], match.start()) for match in _HEADING.finditer(heading)]


def _row(line: str, columns: Sequence[tuple[str, int]]) -> Row:
    ends = [start for _, start in columns[1:]] + [len(line)]
    row: Row = {}
    for (name, start), end in zip(columns, ends, strict=True):
        cell = line[start:end].strip() if name != columns[-1][0] else line[start:].strip()
        row[name] = "" if cell in NOTHING else cell
    return row
