"""Remembers the answers of pure readings of sightings: two dozen detectors ask the same thing of the same round.

Answers are told apart by which objects were asked about, not by what they hold: comparing a cluster's history with
itself would cost more than reading it again. What was asked about is not kept alive.
"""

import weakref
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def remembered(read: Callable[P, R]) -> Callable[P, R]:
    """The same function, which answers at once when it is asked about the very same objects again."""
    known: list[tuple[tuple[weakref.ref[Any], ...], R]] = []

    @wraps(read)
    def ask(*args: P.args, **kwargs: P.kwargs) -> R:
        for about, answer in known:
            if len(about) == len(args) and all(ref() is arg for ref, arg in zip(about, args, strict=True)):
                return answer
        answer = read(*args, **kwargs)
        known[:] = [(tuple(weakref.ref(arg, lambda _: known.clear()) for arg in args), answer)]
        return answer

    return ask


def remembered_each(read: Callable[[T], R]) -> Callable[[T], R]:
    """The same function of one argument, which keeps its answer about each object as long as that object lives."""
    known: dict[int, tuple[weakref.ref[T], R]] = {}

    @wraps(read)
    def ask(about: T) -> R:
        key = id(about)  # which is given away again only after the reference has told that the object is gone
        if key not in known:
            answer = read(about)
            known[key] = (weakref.ref(about, lambda _: known.pop(key)), answer)
        return known[key][1]

    return ask
