"""What a rehearsal in a twin can say, and whether it came so: the words that predictions and verifications share."""

from enum import StrEnum

from pydantic import Field

from incidents.value import Value


class Outlook(StrEnum):
    """What the twin does after the change."""

    RECOVERS = "recovers"
    STAYS_BROKEN = "stays_broken"
    WORSENS = "worsens"
    NOT_FORESEEN = "not_foreseen"
    """Nothing is claimed: what would have to be known is not, or no twin of this kind can be made."""


UNHELPFUL = frozenset({Outlook.STAYS_BROKEN, Outlook.WORSENS})


class FigureCheck(Value):
    """One foreseen range, and what was really measured at the end of the watch window."""

    measure: str
    unit: str
    low: float | None
    high: float | None
    real: float
    within: bool


class PredictionCheck(Value):
    """A prediction, held against what really happened."""

    outlook: Outlook
    right: bool | None
    """None when nothing was claimed, or nobody could see what happened."""
    foreseen_seconds: float | None = None
    real_seconds: float | None = None
    figures: tuple[FigureCheck, ...] = Field(default=(), exclude_if=lambda figures: not figures)
    """Of a change that was verified: what was undone ended otherwise than anybody wanted."""
    text: str
