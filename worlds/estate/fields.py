"""What the tape says of each tick: its columns per pod, per call and per service."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

TICK = 15.0
"""Seconds."""

Pods = NDArray[np.float64]
"""While it is computed: field, pod, tick. What belongs together lies together."""


class PodField(IntEnum):
    """Columns of the tape, per pod and tick."""

    RPS = 0
    ERRORS = 1
    """Share of requests answered with 5xx."""
    CLIENT_ERRORS = 2
    LATENCY = 3
    """Median in seconds."""
    MEMORY = 4
    CPU = 5
    THROTTLED = 6
    OVERLOAD = 7
    GARBAGE = 8
    DEPENDENCY = 9
    EFFECT = 10
    WORST_CALL = 11
    """Index of the call that fails most, -1 for none."""
    INSTANCE = 12
    DRAINED = 13
    """Share of what it takes and never gives back that is taken, at most 1."""


class EdgeField(IntEnum):
    """Columns of the tape, per call of a service and tick."""

    CALLS = 0
    FAILED = 1
    LATENCY = 2


class ServiceField(IntEnum):
    """Columns of the tape, per service and tick: what its callers see."""

    OFFERED = 0
    FAILED = 1
    LATENCY = 2
