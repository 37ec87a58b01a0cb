"""What is wrong with a runbook: where, what, and what to write instead. Only people read these."""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum

from incidents.value import Value

SIMILAR_ENOUGH = 0.6
"""Similarity (0..1, difflib's ratio) from which a known word is offered for an unknown one; difflib's own default."""


class Severity(StrEnum):
    """Whether a problem stops the runbook from being used as it was meant."""

    ERROR = "error"
    WARNING = "warning"


class Problem(Value):
    """One problem of one file."""

    path: str
    line: int
    """Counted from 1, in the file and not in its front matter."""
    field: str
    """`facts.must[0]`, or empty when the problem is the file's."""
    severity: Severity = Severity.ERROR
    message: str
    instead: str = ""
    """What to write, as one would say it; empty when only the author can know."""

    def __str__(self) -> str:
        """`memory.md:9: error: facts.must[0]: no detector emits container.oom_kiled: write container.oom_killed`."""
        where = f"{self.field}: " if self.field else ""
        instead = f": {self.instead}" if self.instead else ""
        return f"{self.path}:{self.line}: {self.severity}: {where}{self.message}{instead}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`write container.oom_killed`, or the choices when there are few, or nothing."""
    choices = sorted(known)
    close = get_close_matches(word, choices, n=1, cutoff=SIMILAR_ENOUGH)
    if close:
        return f"write {close[0]}"
    return f"write one of {', '.join(choices)}" if 0 < len(choices) <= FEW else ""


FEW = 12
"""So many words still fit one line of a terminal; longer lists are left to `midwatch runbooks facts`."""
