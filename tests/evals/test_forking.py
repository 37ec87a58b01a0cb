"""The process that workers are forked from: begun early, used by those who come, gone with who began it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil

CODE = """
import sys, psutil
from evals.harness.forking import begin_importing
light = not [one for one in ("evals.harness.workers", "worlds", "agents") if one in sys.modules]
begin_importing("tests.evals.test_workers")
[begun] = [one for one in psutil.Process().children() if "forkserver" in " ".join(one.cmdline())]
from evals.harness.workers import run_all
from tests.evals.test_workers import lost, square
def main():
    results = dict(run_all(square, [1, 2, 4], workers=2, lost=lost))
    servers = [one for one in psutil.Process().children() if "forkserver" in " ".join(one.cmdline())]
    print(light, sorted(results), servers == [begun], begun.pid, flush=True)
if __name__ == "__main__":
    main()
"""


def test_it_imports_while_the_command_does_and_is_the_one_that_is_used() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True [1, 4, 16] True "), done.stdout
    pid = int(done.stdout.split()[-1])
    until = time.monotonic() + 20
    while psutil.pid_exists(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid), "it ends with who began it"
