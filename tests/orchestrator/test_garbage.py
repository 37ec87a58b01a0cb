"""What a process has read in is not looked through for garbage again; what comes after it still is."""

from __future__ import annotations

import contextlib
import gc
import subprocess
import sys
import weakref

import pytest

from orchestrator.garbage import undisturbed

IMPORT = """
import gc
from orchestrator.garbage import importing
from contextlib import suppress
with suppress(LookupError), importing():
    off = not gc.isenabled()
    kept = [[] for _ in range(1000)]
    raise LookupError
print(off, gc.isenabled(), gc.get_freeze_count() > 1000)
"""

PROBE = """
import gc, weakref
kept = [[] for _ in range(1000)]
from orchestrator.garbage import YOUNG_OBJECTS, settle
settle()
class Node: pass
node = Node(); node.itself = node
gone = weakref.ref(node); del node
frozen = gc.get_freeze_count()
gc.collect()
print(frozen > 1000, gc.get_threshold()[0] == YOUNG_OBJECTS, gone() is None)
"""


@pytest.mark.parametrize("code", [PROBE, IMPORT], ids=["settle", "importing"])
def test_what_is_there_is_left_alone_and_new_cycles_are_found(code: str) -> None:
    before = gc.get_freeze_count()
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.split() == ["True", "True", "True"]
    assert gc.get_freeze_count() == before, "a process of its own: this one collects as it did"


class Ring:
    """Something that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.parametrize("fails", [False, True])
def test_bounded_work_is_not_interrupted_and_leaves_no_cycles(*, fails: bool) -> None:
    with contextlib.suppress(LookupError), undisturbed():
        ring = Ring()
        gone = weakref.ref(ring)
        del ring
        assert not gc.isenabled()
        assert gone() is not None
        if fails:
            raise LookupError
    assert gc.isenabled()
    assert gone() is None
