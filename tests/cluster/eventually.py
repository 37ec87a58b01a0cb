"""Waiting for what a cluster does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.1
_SECONDS = 20.0


def eventually(look: Callable[[], T | None], *, what: str, seconds: float = _SECONDS) -> T:
    """The first true answer of `look()`; fails with `what` and the last answer after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}; last answer: {answer!r}"
        time.sleep(_POLL_SECONDS)
    return answer
