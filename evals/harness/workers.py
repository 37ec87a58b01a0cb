"""Runs many cases in few processes. What one case does to its process is told of that case and stops no other.

Processes are kept between cases, because imports cost more than a case; they are forked from one that has imported
already. With one worker everything runs in this process.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from orchestrator.garbage import settle

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
    pool = ProcessPoolExecutor(max_workers=min(workers, len(jobs)), mp_context=_context(work))
    try:
        waiting: dict[Future[DoneT], int] = {
            pool.submit(_settled, work, job): number for number, job in enumerate(jobs)
        }
        while waiting:
            ended, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ended:
                yield waiting.pop(future), future.result()
    finally:
        # Who asks for no more results does not wait for those that nobody began.
        pool.shutdown(cancel_futures=True)


def _settled(work: Callable[[JobT], DoneT], job: JobT) -> DoneT:
    """Do one job. What the first one imported is there for good: the collector need not look at it again."""
    result = work(job)
    settle()
    return result


def _singly(
    work: Callable[[JobT], DoneT], jobs: Sequence[JobT], *, lost: Callable[[JobT, str], DoneT]
) -> Iterator[DoneT]:
    """Each in a process of its own: somebody among them kills processes, and nobody knows who."""
    for job in jobs:
        with ProcessPoolExecutor(max_workers=1, mp_context=_context(work)) as pool:
            try:
                result = pool.submit(work, job).result()
            except BrokenProcessPool:
                result = lost(job, "its process died: out of memory, or a crash of native code")
        yield result


def _context(work: Callable[[JobT], DoneT]) -> multiprocessing.context.BaseContext:
    """Fork from a small process without threads that has imported what the work needs; spawn where there is no fork."""
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    context.set_forkserver_preload([work.__module__])
    return context
