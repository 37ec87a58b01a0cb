"""What could not be seen, as a person says it: `secrets of shop: not allowed to list them`; the full words beside it.

A system's own refusal names users, API groups and codes; who decides at night needs what is missing and why, in a line.
"""

import re

from agents.wording import looked_at
from incidents.finding import AgentName, Gap
from incidents.value import Value

LONGEST = 90
"""Characters of a reason that still fit the line; a longer one ends at its first clause."""
KUBERNETES = re.compile(
    r'cannot (?P<verb>\w+) resource "(?P<what>[^"]+)"(?:.*?in the namespace "(?P<namespace>[^"]+)")?', re.DOTALL
)
"""How an API server says that a role is missing."""


class Unseen(Value):
    """One thing that could not be seen."""

    agent: AgentName
    what: str
    """`secrets of shop`, `traces in Tempo`."""
    why: str
    """In a few words: `not allowed to list them`."""
    full: str
    """What the system really said; empty when `why` is all of it."""


def unseen(gap: Gap) -> Unseen:
    """Say it in a line."""
    refused = KUBERNETES.search(gap.why)
    if refused is not None:
        where = f" of {refused['namespace']}" if refused["namespace"] else ""
        why = f"not allowed to {refused['verb']} them"
        return Unseen(agent=gap.agent, what=f"{refused['what']}{where}", why=why, full=gap.why)
    short = _shortened(gap.why)
    return Unseen(agent=gap.agent, what=looked_at(gap.what), why=short, full="" if short == gap.why else gap.why)


def unseen_once(gaps: tuple[Gap, ...]) -> tuple[Unseen, ...]:
    """Each thing once, in the order in which it was missed."""
    told = (unseen(gap) for gap in gaps)
    return tuple({(one.what, one.why): one for one in told}.values())


def _shortened(text: str) -> str:
    """The first clause that fits; whole words of it when even that is too long."""
    if len(text) <= LONGEST:
        return text
    clause = re.split(r"[;:.](?:\s|$)|\s\(", text, maxsplit=1)[0]
    return clause if len(clause) <= LONGEST else clause[:LONGEST].rsplit(" ", 1)[0] + " ..."
