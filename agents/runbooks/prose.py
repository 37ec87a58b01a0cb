"""Splitting a runbook's markdown: front matter from prose, and prose into its second-level sections."""

import re

from agents.runbooks.runbook import Section

FENCE = "---"
_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*\s*$")


def split(text: str) -> tuple[str | None, str, int]:
    """Front matter (None without one), prose, and the number of file lines before the prose."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != FENCE:
        return None, text, 0
    for number, line in enumerate(lines[1:], start=1):
        if line.strip() == FENCE:
            return "\n".join(lines[1:number]), "\n".join(lines[number + 1 :]), number + 1
    return "\n".join(lines[1:]), "", len(lines)


def title_of(prose: str) -> str:
    """The first first-level heading, empty when there is none."""
    headings = (_HEADING.match(line) for line in prose.splitlines())
    return next((match[2] for match in headings if match and match[1] == "#"), "")


def sections_of(prose: str, *, offset: int) -> tuple[Section, ...]:
    """The second-level sections. A `#` inside a code block is a comment of the shell, not a heading."""
    found: list[Section] = []
    heading, start, body, in_code = "", 0, list[str](), False
    for number, line in enumerate(prose.splitlines(), start=1 + offset):
        in_code ^= line.lstrip().startswith(("```", "~~~"))
        match = None if in_code else _HEADING.match(line)
        if match and len(match[1]) == 2:  # noqa: PLR2004 - a second-level heading has two signs
            if heading:
                found.append(Section(heading=heading, text="\n".join(body).strip(), line=start))
            heading, start, body = match[2], number, []
        else:
            body.append(line)
    if heading:
        found.append(Section(heading=heading, text="\n".join(body).strip(), line=start))
    return tuple(found)
