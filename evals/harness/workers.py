"""Runs many cases in few processes. What one case does to its process is told of that case and stops no other.

Processes are kept between cases, because imports cost more than a case; they are forked from one that has imported
already. With one worker everything runs in this process. Workers end with who began them, whatever ended that: each
reads a pipe that only their owner holds open.
"""

import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection
from tempfile import TemporaryDirectory
from typing import TypeVar

from evals.harness.forking import context_of
from orchestrator.garbage import settle, stays, undisturbed

JobT = TypeVar("JobT")
DoneT = TypeVar("DoneT")


def run_all(
    work: Callable[[JobT], DoneT],
    jobs: Sequence[JobT],
    *,
    workers: int,
    lost: Callable[[JobT, str], DoneT],
) -> Iterator[DoneT]:
    """The results as they come. `work` is a module-level function that catches what its job raises.

    `lost` makes the result of a job whose process died.
    """
    if workers <= 1 or len(jobs) <= 1:
        yield from (_settled(work, job) for job in jobs)
        return
    done: set[int] = set()
    try:
        for number, result in _pooled(work, jobs, workers=workers):
            done.add(number)
            yield result
    except BrokenProcessPool:
        left = [job for number, job in enumerate(jobs) if number not in done]
        yield from _singly(work, left, lost=lost)


def _pooled(work: Callable[[JobT], DoneT], jobs: Sequence[JobT], *, workers: int) -> Iterator[tuple[int, DoneT]]:
    with _pool(work, workers=min(workers, len(jobs))) as pool:
        waiting: dict[Future[DoneT], int] = {
            pool.submit(_settled, work, job): number for number, job in enumerate(jobs)
        }
        while waiting:
            ended, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ended:
                yield waiting.pop(future), future.result()


@contextmanager
def _pool(work: Callable[[JobT], DoneT], *, workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes for the work. Who leaves before all is done waits for nothing that is under way."""
    context = context_of(work.__module__)
    lifeline, held = context.Pipe(duplex=False)
    with TemporaryDirectory(prefix="midwatch-eval-") as folder, lifeline, held:
        pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(lifeline, folder))
        done = False
        try:
            yield pool
            done = True
        finally:
            if not done:
                held.close()
            pool.shutdown(cancel_futures=True)


def _begin(lifeline: Connection, folder: str) -> None:
    """In a worker: Ctrl-C is its owner's business, and so is when to end and to tidy up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stays()
    tempfile.tempdir = folder
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    """Nothing is ever sent: what can be read is the end."""
    lifeline.poll(None)
    os._exit(1)


def _settled(work: Callable[[JobT], DoneT], job: JobT) -> DoneT:
    """Do one job. What the first one imported is there for good: the collector need not look at it again."""
    with undisturbed():
        result = work(job)
    settle()
    return result


def _singly(
    work: Callable[[JobT], DoneT], jobs: Sequence[JobT], *, lost: Callable[[JobT, str], DoneT]
) -> Iterator[DoneT]:
    """Each in a process of its own: somebody among them kills processes, and nobody knows who."""
    for job in jobs:
        with _pool(work, workers=1) as pool:
            try:
                result = pool.submit(work, job).result()
            except BrokenProcessPool:
                result = lost(job, "its process died: out of memory, or a crash of native code")
        yield result
