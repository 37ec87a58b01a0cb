"""Time order as a factor between 0 and 1: a cause precedes its symptoms, and a change is suspect while it is fresh."""

import math
from datetime import datetime, timedelta

from agents.diagnostician.weights import (
    CHANGE_FLOOR,
    CHANGE_HALF_LIFE,
    CHANGE_OLD,
    CHANGE_OLD_FACTOR,
    CHANGE_UNDATED,
    LATE,
    LATE_FACTOR,
    TOLERANCE,
)
from incidents.fact import Fact, FactRole


def factor(fact: Fact, *, onset: datetime) -> float:
    """How much of its weight a fact keeps, given when the trouble began. 0: it cannot have to do with it."""
    match fact.role:
        case FactRole.CHANGE:
            return change_factor(fact.at, onset=onset)
        case FactRole.MECHANISM | FactRole.SYMPTOM:
            return LATE_FACTOR if fact.at and fact.at > onset + LATE else 1.0
        case FactRole.STATE | FactRole.CLEARED:
            return 1.0


def change_factor(at: datetime | None, *, onset: datetime) -> float:
    """1 right before the onset, halving towards a floor; little after a day of health; 0 when it came afterwards."""
    if at is None:
        return CHANGE_UNDATED
    if after(at, onset=onset):
        return 0.0
    lag = max(onset - at, timedelta(0))
    if lag > CHANGE_OLD:
        return CHANGE_OLD_FACTOR
    half_lives = lag / CHANGE_HALF_LIFE
    return CHANGE_FLOOR + (1 - CHANGE_FLOOR) * math.pow(0.5, half_lives)


def after(at: datetime, *, onset: datetime) -> bool:
    """Whether it came after the trouble had begun, beyond what clocks and resolutions explain."""
    return at > onset + TOLERANCE
