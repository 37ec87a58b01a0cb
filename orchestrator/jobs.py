"""Work between processes: jobs in PostgreSQL, carried by procrastinate.

A job is enqueued in the transaction of the row that causes it, so neither exists without the other. It may come twice
or late: handlers look at the tables first. Virtual times are turned into wall-clock times here and nowhere else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import procrastinate
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from procrastinate.manager import JobManager
from procrastinate.retry import BaseRetryStrategy, RetryDecision

from incidents.ids import IncidentId
from orchestrator.settings import Periods
from orchestrator.store.database import libpq_url
from orchestrator.store.transaction import Tx
from tools.clock import Clock, ScaledClock, SystemClock
from tools.errors import TransientError

logger = logging.getLogger(__name__)


class Queue(StrEnum):
    """Who takes the job."""

    GRAPH = "graph"
    EXECUTOR = "executor"
    """Only processes with write credentials."""
    TIMERS = "timers"
    """Things that are due at a time. A queue of its own: a delayed job must never hold up an incident's next step."""
    QUESTIONS = "questions"
    """What people ask beside incidents: however many ask, no incident waits for it."""


class Task(StrEnum):
    """What is to be done. The names are stored: they are kept for ever."""

    ADVANCE = "advance"
    """Let the graph of the incident go on as far as it can."""
    REHEARSE = "rehearse"
    """Preview all actions that the incident waits for."""
    EXECUTE = "execute"
    """Run, or reconcile, the actions of an approved proposal; the item is its digest."""
    FOLLOW = "follow"
    """Look again at a change that waits for people or pipelines; the item is its proposal's digest."""
    EXPIRE = "expire"
    """A proposal's time is over; the item is its digest."""
    MEASURE = "measure"
    """Measure the checks of an executed proposal; the item is its digest."""
    WAKE = "wake"
    """The incident wants to be looked at again at this time."""
    ANSWER = "answer"
    """Somebody asked something about the estate; the item is the key of the message that answers."""

    @property
    def queue(self) -> Queue:
        """The queue it goes into."""
        match self:
            case Task.ADVANCE:
                return Queue.GRAPH
            case Task.REHEARSE | Task.EXECUTE | Task.FOLLOW:
                return Queue.EXECUTOR
            case Task.EXPIRE | Task.MEASURE | Task.WAKE:
                return Queue.TIMERS
            case Task.ANSWER:
                return Queue.QUESTIONS

    def lock(self, incident: IncidentId) -> str | None:
        """Jobs with the same lock run one after the other."""
        match self:
            case Task.ADVANCE | Task.EXECUTE | Task.REHEARSE:
                return f"{self}:{incident}"
            case Task.FOLLOW | Task.EXPIRE | Task.MEASURE | Task.WAKE | Task.ANSWER:
                return None


@dataclass(frozen=True, kw_only=True)
class Job:
    """One piece of work, as its handler gets it."""

    task: Task
    incident: IncidentId
    item: str = ""


Handler = Callable[[Job], Awaitable[None]]

_MANAGER = JobManager(procrastinate.PsycopgConnector())
"""Only for enqueueing on a transaction's own connection: it never opens one."""


async def enqueue(tx: Tx, task: Task, incident: IncidentId, *, item: str = "", run_at: datetime | None = None) -> None:
    """Enqueue a job with the transaction: it exists when that commits.

    `run_at` is a time of the transaction's clock.
    """
    due = None if run_at is None else wall_time(run_at, clock=tx.clock)
    if run_at is not None and due is None and run_at > tx.clock.now():
        return
    job = _queued(task, incident, item=item, due=due)
    await _MANAGER.defer_job_async(job, connection=await _psycopg_connection(tx))


async def enqueue_all(tx: Tx, task: Task, incidents: Sequence[IncidentId]) -> None:
    """Enqueue the same task for many incidents, in one statement."""
    if incidents:
        jobs = [_queued(task, incident) for incident in incidents]
        await _MANAGER.batch_defer_jobs_async(jobs, connection=await _psycopg_connection(tx))


def _queued(task: Task, incident: IncidentId, *, item: str = "", due: datetime | None = None) -> QueuedJob:
    return QueuedJob(
        id=None,
        queue=task.queue.value,
        task_name=task.value,
        lock=task.lock(incident),
        queueing_lock=None,
        task_kwargs={"incident": incident, "item": item},
        scheduled_at=due,
    )


def wall_time(moment: datetime, *, clock: Clock) -> datetime | None:
    """The wall-clock time at which `clock` shows `moment`.

    None for a clock that is moved by hand: whoever moves it calls the sweep.
    """
    match clock:
        case SystemClock():
            return moment
        case ScaledClock():
            seconds = (moment - clock.epoch).total_seconds() / clock.rate
            return datetime.fromtimestamp(clock.wall + seconds, tz=UTC)
        case _:
            return None


async def _psycopg_connection(tx: Tx) -> object:
    connection = await tx.connection()
    return (await connection.get_raw_connection()).driver_connection


class OwnedElsewhereError(Exception):
    """Somebody else holds what the job is about, maybe a dead process whose lease has not run out: no failure."""


class Backoff(BaseRetryStrategy):
    """Try again after 0.5 s, 1 s, 2 s, ... 30 s, or when the system outside said so.

    Then the sweep finds what is left. What somebody else holds is asked for every second, however often: leases end.
    """

    ATTEMPTS = 12
    LONGEST_SECONDS = 30.0
    OWNED_SECONDS = 1.0

    def get_retry_decision(self, *, exception: BaseException, job: QueuedJob) -> RetryDecision | None:
        """When to try again; None gives up."""
        if isinstance(exception, OwnedElsewhereError):
            return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=self.OWNED_SECONDS))
        if job.attempts >= self.ATTEMPTS:
            return None
        seconds = min(self.LONGEST_SECONDS, 0.5 * 2**job.attempts)
        if isinstance(exception, TransientError) and exception.retry_after:
            seconds = max(seconds, exception.retry_after)
        return RetryDecision(retry_at=datetime.now(UTC) + timedelta(seconds=seconds))


class Jobs:
    """The workers of one process. Handlers are given once; `run` works until it is cancelled."""

    GRACE_SECONDS = 5.0
    """How long a job may go on after `run` was cancelled; then it is cancelled too and put back for another worker."""

    def __init__(self, url: str, *, handlers: Mapping[Task, Handler], periods: Periods | None = None) -> None:
        """`url` is `postgresql://...`. Only queues that have a handler for one of their tasks are worked on."""
        self._periods = periods or Periods()
        self._handlers = dict(handlers)
        connector = procrastinate.PsycopgConnector(
            conninfo=libpq_url(url), min_size=1, max_size=6, timeout=10, kwargs={"application_name": "midwatch jobs"}
        )
        self.app = procrastinate.App(connector=connector)
        for task in self._handlers:
            self.app.task(name=task.value, queue=task.queue.value, retry=Backoff())(self._runner(task))

    async def run(self, *, concurrency: Mapping[Queue, int] | None = None) -> None:
        """Work on the queues that have handlers, each with its own number of jobs at a time (2 when not given)."""
        wanted = dict(concurrency or {})
        queues = sorted({task.queue for task in self._handlers})
        async with self.app.open_async(), asyncio.TaskGroup() as group:
            for queue in queues:
                group.create_task(self._work(queue, concurrency=wanted.get(queue, 2)))
            group.create_task(self._take_over())

    async def drain(self, queues: Sequence[Queue] = tuple(Queue)) -> None:
        """Work off what is due now and come back: for tests, and for evals with a clock that is moved by hand."""
        async with self.app.open_async():
            await self.app.run_worker_async(
                queues=[q.value for q in queues], wait=False, install_signal_handlers=False, delete_jobs="successful"
            )

    def _runner(self, task: Task) -> Callable[..., Awaitable[None]]:
        async def run(incident: str, item: str = "") -> None:
            job = Job(task=task, incident=IncidentId(incident), item=item)
            if task is Task.ADVANCE:
                await self._coalesce(job)
            await self._handlers[task](job)

        return run

    async def _coalesce(self, job: Job) -> None:
        """Drop the same job where it waits already.

        This run starts after their causes were committed and sees them all.
        """
        manager = self.app.job_manager
        lock = job.task.lock(job.incident)
        waiting = await manager.list_jobs_async(lock=lock, status=Status.TODO.value, task=job.task.value)
        for other in waiting:
            if other.id is not None and other.scheduled_at is None:
                await manager.cancel_job_by_id_async(other.id, delete_job=True)

    async def _work(self, queue: Queue, *, concurrency: int) -> None:
        while True:
            try:
                await self.app.run_worker_async(
                    queues=[queue.value],
                    name=queue.value,
                    concurrency=concurrency,
                    install_signal_handlers=False,
                    fetch_job_polling_interval=self._periods.poll_seconds,
                    update_heartbeat_interval=self._periods.heartbeat_seconds,
                    stalled_worker_timeout=self._periods.takeover_seconds * 5,
                    shutdown_graceful_timeout=self.GRACE_SECONDS,
                    delete_jobs="successful",
                )
            except (ConnectorException, OSError):
                logger.exception(
                    "The database went away; looking again for %s jobs", queue, extra={"action": "worker_lost"}
                )
                await asyncio.sleep(self._periods.poll_seconds)

    async def _take_over(self) -> None:
        while True:
            await asyncio.sleep(self._periods.takeover_seconds / 3)
            try:
                await take_over(self.app, silent_for=self._periods.takeover_seconds)
            except (ConnectorException, OSError):
                logger.exception("Could not look for jobs of dead workers", extra={"action": "takeover_failed"})


TAKEOVER_LOCK = 0x6D_69_64_77_03
"""Key of the advisory lock under which one process at a time hands out the jobs of dead workers."""


async def take_over(app: procrastinate.App, *, silent_for: float) -> int:
    """Give jobs of workers that were silent for that many seconds to the others; how many there were."""
    connector = app.connector
    assert isinstance(connector, procrastinate.PsycopgConnector)
    async with connector.pool.connection() as connection:
        cursor = await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (TAKEOVER_LOCK,))
        row = await cursor.fetchone()
        if row is None or not row[0]:
            return 0
        stalled = list(await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=silent_for))
        for job in stalled:
            await app.job_manager.retry_job(job)
            logger.warning("Took over %s of a dead worker", job.call_string, extra={"action": "job_taken_over"})
        return len(stalled)
