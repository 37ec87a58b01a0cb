"""A ticket for what is left to do after an incident: where it is filed, who wanted it, how far it came. Pure values."""

import re
from datetime import datetime
from enum import StrEnum

from incidents.ids import IncidentId
from incidents.value import Value

JOINER = "\u2060"
"""Word joiner: seen by nobody, and it keeps a tracker from reading a mention or a reference into the text."""
CALLS = re.compile(r"@(?=[A-Za-z0-9])|#(?=\d)|\bGH-(?=\d)", re.IGNORECASE)
"""What rings a bell or links to another issue: `@team`, `#12`, `GH-12`."""


class Target(StrEnum):
    """Where tickets can be filed."""

    GITHUB = "github"
    """An issue of a repository."""
    WEBHOOK = "webhook"
    """Signed JSON to an address of your own."""


class TicketText(Value):
    """What a ticket says. Redacted, and without anything that calls people or refers to other tickets."""

    title: str
    body: str
    """Markdown."""
    labels: tuple[str, ...] = ()


class Ticket(Value):
    """One ticket of an incident; there is at most one for each target."""

    incident: IncidentId
    target: Target
    place: str
    """`owner/name` of the repository, or the host that takes the webhook."""
    wanted_by: str
    """Name of the person; `midwatch` when it was filed by itself."""
    wanted_at: datetime
    filed_at: datetime | None = None
    url: str = ""
    """Its page; empty until it is filed, and when the receiver named none."""
    attempts: int = 0
    problem: str = ""
    """What stood against the last attempt; it is tried again by itself."""


def quieted(text: str) -> str:
    """The text with every mention and reference made plain text."""
    return CALLS.sub(lambda found: found[0] + JOINER, text)
