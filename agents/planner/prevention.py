"""What should be done afterwards so that it does not come back, from the runbook's own words."""

import re

from agents.runbooks.library import Library
from incidents.ids import CauseSlug

MOST = 3
"""Follow-ups that a card can hold and a team will do."""

_BULLET = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+(.+)$")


def follow_ups(library: Library, cause: CauseSlug) -> tuple[str, ...]:
    """The first points under `## Prevention`, each as one line."""
    runbook = library.teaching(cause)
    return bullets(runbook.section("Prevention"))[:MOST] if runbook else ()


def bullets(markdown: str) -> tuple[str, ...]:
    """The top points of a list, with the lines that continue them."""
    found: list[str] = []
    for line in markdown.splitlines():
        match = _BULLET.match(line)
        if match:
            found.append(match[1].strip())
        elif found and line.startswith((" ", "\t")) and line.strip():
            found[-1] += f" {line.strip()}"
    return tuple(found)
