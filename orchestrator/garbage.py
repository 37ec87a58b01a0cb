"""How often Python looks for cycles among objects: seldom, and never again among what was imported.

Code of libraries is a million objects that stay. Looking through them again and again costs a sixth of the processor
time of an investigation.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

YOUNG_OBJECTS = 50_000
"""New objects after which the collector looks at them. Python's own 700 suits small heaps: a case makes millions."""
GENERATIONS = (20, 50)
"""Looks at the young after which the middle-aged are looked at, and at those until the old are."""


@cache
def settle() -> None:
    """What is there now stays: leave it alone. Once per process, when it has read in what it works with."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *GENERATIONS)


@contextmanager
def importing() -> Iterator[None]:
    """Import much: nothing is looked through meanwhile, and what is there afterwards stays."""
    gc.disable()
    try:
        yield
    finally:
        stays()


def stays() -> None:
    """Leave what is there alone from now on, without looking through it first, and look at what comes after it."""
    gc.freeze()
    gc.enable()


@contextmanager
def undisturbed() -> Iterator[None]:
    """Look for cycles at the end only: nearly everything that a bounded piece of work makes is needed until then."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()
