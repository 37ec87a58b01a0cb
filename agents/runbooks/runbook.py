"""A runbook as a value: its prose by section, the alerts it belongs to, and the cause it teaches, if any."""

from incidents.cause import Cause
from incidents.ids import Digest
from incidents.value import Value

SECTIONS = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Prevention")
"""What a person at 2:47 looks for, in the order of reading; the names are those of the prometheus-operator runbooks."""


class Section(Value):
    """One second-level heading with the markdown under it."""

    heading: str
    text: str
    line: int


class Runbook(Value):
    """One file. `slug` is its name without `.md`: a later folder's file with the same slug replaces it."""

    slug: str
    title: str
    path: str
    digest: Digest
    """Over the file's bytes."""
    alerts: tuple[str, ...] = ()
    cause: Cause | None = None
    """None for a plain runbook: it is shown, linked and given to the model, and argues nothing."""
    sections: tuple[Section, ...] = ()
    lines: dict[str, int] = {}
    """Dotted path of a front-matter field -> its line in the file."""

    def section(self, heading: str) -> str:
        """The text under a heading, empty when there is none."""
        return next((s.text for s in self.sections if s.heading.casefold() == heading.casefold()), "")
