"""Workers: a process that dies takes its case with it and no other."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from evals.harness.workers import _singly, run_all


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


def looks_for_cycles(job: int) -> tuple[bool, int]:
    return gc.isenabled(), gc.get_freeze_count()


def nobody(job: int, why: str) -> tuple[bool, int]:
    raise AssertionError(f"{job}: {why}")


def test_a_worker_looks_for_cycles_after_a_case_and_never_among_what_was_imported() -> None:
    in_company = list(run_all(looks_for_cycles, range(4), workers=2, lost=nobody))
    assert not any(looking for looking, _ in in_company), "what one case makes is needed until its end"
    [alone] = _singly(looks_for_cycles, [1], lost=nobody)
    assert alone[0]
    assert all(frozen > 1000 for _, frozen in (*in_company, alone))


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


def note_and_stay(folder: Path) -> int:
    """Leave the process's number and a folder of its own behind, and work for long."""
    own = Path(tempfile.mkdtemp())
    noted = folder / f"{os.getpid()}.part"
    noted.write_text(str(own))
    noted.rename(folder / str(os.getpid()))
    time.sleep(600)
    return os.getpid()


def gone(folder: Path, why: str) -> int:
    raise AssertionError(f"{folder.name}: {why}")


def wait_until(done: Callable[[], bool]) -> None:
    for _ in range(600):
        if done():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come about within a minute")


def noted(folder: Path) -> list[Path]:
    return [one for one in folder.iterdir() if one.name.isdigit()]


def alive(pid: int) -> bool:
    """Who is a zombie has ended, whether anybody asked for its exit code or not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class StoppedError(Exception):
    pass


def test_who_stops_asking_waits_for_nothing_that_is_under_way(tmp_path: Path) -> None:
    def stop(*_: object) -> None:
        raise StoppedError

    def when_both_work() -> None:
        wait_until(lambda: len(noted(tmp_path)) == 2)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, stop)
    watching = threading.Thread(target=when_both_work, daemon=True)
    watching.start()
    try:
        with pytest.raises(StoppedError):
            list(run_all(note_and_stay, [tmp_path] * 4, workers=2, lost=gone))
    finally:
        watching.join()
        signal.signal(signal.SIGUSR1, before)
    assert len(noted(tmp_path)) == 2
    for one in noted(tmp_path):
        wait_until(lambda pid=int(one.name): not alive(pid))  # type: ignore[misc] # a default
        assert not Path(one.read_text()).exists()


OWNER = """
import sys
from pathlib import Path
from evals.harness.workers import run_all
from tests.evals.test_workers import gone, note_and_stay

if __name__ == "__main__":
    list(run_all(note_and_stay, [Path(sys.argv[1])] * 4, workers=2, lost=gone))
"""


def test_workers_end_with_an_owner_that_is_killed(tmp_path: Path) -> None:
    script, folder = tmp_path / "owner.py", tmp_path / "noted"
    script.write_text(OWNER)
    folder.mkdir()
    root = str(Path(__file__).parents[2])
    owner = subprocess.Popen(
        [sys.executable, str(script), str(folder)], env=os.environ | {"PYTHONPATH": root, "TMPDIR": str(tmp_path)}
    )
    try:
        wait_until(lambda: len(noted(folder)) == 2)
        pids = [int(one.name) for one in noted(folder)]
        assert all(alive(pid) for pid in pids)
    finally:
        owner.kill()
        owner.wait()
    for pid in pids:
        wait_until(lambda pid=pid: not alive(pid))  # type: ignore[misc] # a default
