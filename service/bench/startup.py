"""How long `midwatch --help` takes: what people wait for at every command."""

import resource
import subprocess
import sys
import time

from service.bench.figure import Figure, spread

RUNS = 9
AIM_SECONDS = 0.5


def measure() -> list[Figure]:
    """Run it several times in processes of their own; the first one, which reads from disk, counts like the others."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    walls = [_once() for _ in range(RUNS)]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / RUNS
    return [
        *spread("midwatch --help", walls, "s", most=AIM_SECONDS),
        Figure(name="midwatch --help: CPU", value=cpu, unit="s/run"),
    ]


def _once() -> float:
    started = time.perf_counter()
    command = [sys.executable, "-m", "service", "--help"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=30)  # noqa: S603 - our own interpreter
    return time.perf_counter() - started
