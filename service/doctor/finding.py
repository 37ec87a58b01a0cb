"""What a check says: how one thing stands, what was seen of it, what that means for Midwatch, and what to do."""

from enum import StrEnum

from incidents.value import Value


class State(StrEnum):
    """How a thing stands."""

    OK = "ok"
    DEGRADED = "degraded"
    """It works, and something of it is lacking or is more than is needed."""
    MISSING = "missing"
    """It is not configured: Midwatch does without."""
    FAILED = "failed"
    """It is configured and does not work."""


class Finding(Value):
    """One row of doctor's table."""

    cluster: str = ""
    """Empty for Midwatch itself."""
    what: str
    state: State
    found: str
    """What was seen."""
    means: str = ""
    """What that means for Midwatch."""
    do: str = ""
    """What to do about it; empty when nothing is."""
    sees: tuple[str, ...] = ()
    """What Midwatch can see or do because of it."""
    blind: tuple[str, ...] = ()
    """What it cannot."""


class Yes(StrEnum):
    """An answer to `can an agent ...?`."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"


class Answer(Value):
    """One of the five questions about the estate, answered from what was found."""

    cluster: str
    question: str
    answer: Yes
    evidence: str
    how: str = ""
    """How to get to yes."""
