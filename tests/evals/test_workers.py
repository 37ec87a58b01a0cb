"""Workers: a process that dies takes its case with it and no other."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from evals.harness.workers import run_all


def square(job: int) -> tuple[int, str]:
    if job == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return job * job, str(os.getpid())


def lost(job: int, why: str) -> tuple[int, str]:
    return -job, why


def test_a_case_that_kills_its_process_is_counted_and_the_others_go_on() -> None:
    found = sorted(run_all(square, range(6), workers=2, lost=lost))
    assert [value for value, _ in found] == [-3, 0, 1, 4, 16, 25]
    assert "process died" in found[0][1]


def test_one_worker_works_in_this_process() -> None:
    assert [pid for _, pid in run_all(square, range(3), workers=1, lost=lost)] == [str(os.getpid())] * 3


def leave_a_mark(mark: Path) -> Path:
    mark.touch()
    time.sleep(0.02)
    return mark


def no_mark(mark: Path, why: str) -> Path:
    raise AssertionError(f"{mark.name}: {why}")


def test_who_stops_asking_does_not_wait_for_what_nobody_began(tmp_path: Path) -> None:
    marks = [tmp_path / str(number) for number in range(400)]
    results = run_all(leave_a_mark, marks, workers=2, lost=no_mark)
    assert next(results) in marks
    results.close()  # type: ignore[attr-defined] # a generator
    assert 1 <= len(list(tmp_path.iterdir())) < len(marks)
