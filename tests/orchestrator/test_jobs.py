"""Jobs: they exist with their cause, come again when a worker fails or dies, and fire in virtual time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from procrastinate.jobs import Job as QueuedJob
from sqlalchemy import text

from incidents.approval import Channel, Choice
from incidents.execution import ExecutionStatus
from incidents.ids import IncidentId
from incidents.incident import Phase
from orchestrator.decisions import decide
from orchestrator.jobs import Backoff, Job, Jobs, OwnedElsewhereError, Task, enqueue, wall_time
from orchestrator.settings import Periods
from orchestrator.store.database import Store
from orchestrator.store.executions import executions_of, set_execution_status
from orchestrator.store.leases import acquire, let_rest, release
from orchestrator.store.rehearsals import finish_rehearsal, request_rehearsal
from orchestrator.sweep import sweep
from tests.incidents.making import NOW, after, person, proposed
from tests.orchestrator.conftest import both_servers
from tests.orchestrator.making import INCIDENT, a_proposal, an_incident
from tools.clock import Clock, ManualClock, ScaledClock, SystemClock
from tools.errors import TransientError

QUICK = Periods(heartbeat_seconds=0.2, takeover_seconds=2.0, poll_seconds=0.2)
OTHER = IncidentId("inc-bbbbbbbbbbbb")
WAITING = text("SELECT task_name, args ->> 'item' AS item FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id")


@asynccontextmanager
async def working(url: str, handlers: dict[Task, Callable[[Job], Awaitable[None]]]) -> AsyncIterator[None]:
    """A process's workers, stopped at the end."""
    running = asyncio.create_task(Jobs(url, handlers=handlers, periods=QUICK).run())
    try:
        yield
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def until(happened: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait for something, looking again every 20 ms."""
    for _ in range(int(seconds / 0.02)):
        if happened():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError


async def ask(
    store: Store, task: Task, incident: IncidentId = INCIDENT, *, item: str = "", run_at: datetime | None = None
) -> None:
    async with store.transaction() as tx:
        await enqueue(tx, task, incident, item=item, run_at=run_at)


async def waiting(store: Store) -> list[tuple[str, str]]:
    async with store.transaction() as tx:
        return [(row.task_name, row.item) for row in await tx.execute(WAITING)]


@both_servers
async def test_a_job_exists_only_with_its_cause(store: Store, database_url: str) -> None:
    async def fail() -> None:
        async with store.transaction() as tx:
            await enqueue(tx, Task.ADVANCE, INCIDENT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await waiting(store) == []
    done: list[Job] = []

    async def advance(job: Job) -> None:
        done.append(job)

    async with working(database_url, {Task.ADVANCE: advance}):
        await ask(store, Task.ADVANCE)
        await until(lambda: bool(done))
    assert done == [Job(task=Task.ADVANCE, incident=INCIDENT)]


async def test_an_incidents_jobs_run_one_after_the_other_and_waiting_ones_are_one(
    store: Store, database_url: str
) -> None:
    running, most, runs = 0, 0, 0

    async def advance(_job: Job) -> None:
        nonlocal running, most, runs
        running, runs = running + 1, runs + 1
        most = max(most, running)
        await asyncio.sleep(0.1)
        running -= 1

    for _ in range(10):
        await ask(store, Task.ADVANCE)
    async with working(database_url, {Task.ADVANCE: advance}), working(database_url, {Task.ADVANCE: advance}):
        await until(lambda: runs > 0)
        await ask(store, Task.ADVANCE)
        await until(lambda: runs > 1 and running == 0)
    assert most == 1
    assert runs <= 3
    assert await waiting(store) == []


async def test_incidents_do_not_wait_for_each_other(store: Store, database_url: str) -> None:
    begun: set[IncidentId] = set()
    together = asyncio.Event()

    async def advance(job: Job) -> None:
        begun.add(job.incident)
        await together.wait()

    async with working(database_url, {Task.ADVANCE: advance}):
        await ask(store, Task.ADVANCE)
        await ask(store, Task.ADVANCE, OTHER)
        await until(lambda: begun == {INCIDENT, OTHER})
        together.set()


async def test_a_timer_does_not_hold_up_the_next_step(store: Store, database_url: str) -> None:
    done: list[Task] = []

    async def note(job: Job) -> None:
        done.append(job.task)

    await ask(store, Task.WAKE, run_at=store.clock.now() + timedelta(hours=1))
    await ask(store, Task.ADVANCE)
    async with working(database_url, {Task.ADVANCE: note, Task.WAKE: note}):
        await until(lambda: bool(done))
    assert done == [Task.ADVANCE]
    assert await waiting(store) == [("wake", "")]


async def test_a_job_that_fails_comes_again(store: Store, database_url: str) -> None:
    tries: list[float] = []

    async def execute(_job: Job) -> None:
        tries.append(time.monotonic())
        if len(tries) == 1:
            raise TransientError("the API server is away", retry_after=0.8)

    async with working(database_url, {Task.EXECUTE: execute}):
        await ask(store, Task.EXECUTE, item="sha256:1")
        await until(lambda: len(tries) == 2)
    assert tries[1] - tries[0] >= 0.8


@pytest.mark.parametrize("attempts", [0, 6, Backoff.ATTEMPTS, 500])
def test_what_somebody_else_holds_is_asked_for_every_second_however_often(attempts: int) -> None:
    before = datetime.now(UTC)
    again = Backoff().get_retry_decision(exception=OwnedElsewhereError("held"), job=queued(attempts=attempts))
    assert again is not None
    assert again.retry_at is not None
    assert timedelta(seconds=1) <= again.retry_at - before < timedelta(seconds=2)


@pytest.mark.parametrize(("attempts", "seconds"), [(0, 0.5), (3, 4.0), (8, 30.0), (12, None)])
def test_what_fails_is_asked_for_less_and_less_often_and_then_given_up(attempts: int, seconds: float | None) -> None:
    before = datetime.now(UTC)
    again = Backoff().get_retry_decision(exception=RuntimeError("no"), job=queued(attempts=attempts))
    if seconds is None:
        assert again is None
        return
    assert again is not None
    assert again.retry_at is not None
    assert timedelta(seconds=seconds) <= again.retry_at - before < timedelta(seconds=seconds + 1)


def queued(*, attempts: int) -> QueuedJob:
    """A job that was tried so many times before."""
    return QueuedJob(
        id=1, queue="graph", lock=None, queueing_lock=None, task_name="advance", task_kwargs={}, attempts=attempts
    )


async def test_a_worker_that_is_stopped_hands_its_job_back(store: Store, database_url: str) -> None:
    class Hasty(Jobs):
        GRACE_SECONDS = 0.1

    begun = asyncio.Event()

    async def advance(_job: Job) -> None:
        begun.set()
        await asyncio.sleep(600)

    await ask(store, Task.ADVANCE)
    running = asyncio.create_task(Hasty(database_url, handlers={Task.ADVANCE: advance}, periods=QUICK).run())
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await waiting(store) == [("advance", "")]


async def test_only_queues_with_handlers_are_worked_on(store: Store, database_url: str) -> None:
    """A worker without write credentials never even sees what is for the executor."""
    done: list[Task] = []

    async def advance(job: Job) -> None:
        done.append(job.task)

    await ask(store, Task.EXECUTE, item="sha256:1")
    await ask(store, Task.ADVANCE)
    async with working(database_url, {Task.ADVANCE: advance}):
        await until(lambda: bool(done))
    assert await waiting(store) == [("execute", "sha256:1")]


async def test_drain_works_off_what_is_due_and_comes_back(store: Store, database_url: str) -> None:
    done: list[Task] = []

    async def note(job: Job) -> None:
        done.append(job.task)

    await ask(store, Task.ADVANCE)
    await ask(store, Task.WAKE, run_at=store.clock.now() + timedelta(hours=1))
    await Jobs(database_url, handlers={Task.ADVANCE: note, Task.WAKE: note}).drain()
    assert done == [Task.ADVANCE]


# ---- Virtual time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        pytest.param(SystemClock(), after(60), id="real time is itself"),
        pytest.param(
            ScaledClock(epoch=NOW, wall=NOW.timestamp() + 1000, rate=60),
            after(1001),
            id="a minute at 60 times is a second",
        ),
        pytest.param(ManualClock(NOW), None, id="a clock moved by hand has no wall time"),
    ],
)
def test_virtual_times_become_wall_clock_times(clock: Clock, expected: datetime | None) -> None:
    assert wall_time(after(60), clock=clock) == expected


async def test_a_timer_fires_in_virtual_time(database_url: str) -> None:
    clock = ScaledClock(epoch=NOW, wall=time.time(), rate=600)
    fired: list[datetime] = []

    async def expire(_job: Job) -> None:
        fired.append(clock.now())

    async with Store(database_url, clock=clock) as store, working(database_url, {Task.EXPIRE: expire}):
        due = clock.now() + timedelta(minutes=10)
        await ask(store, Task.EXPIRE, item="sha256:1", run_at=due)
        await until(lambda: bool(fired))
    assert due <= fired[0] < due + timedelta(minutes=10), "ten minutes are a second here"


async def test_a_clock_moved_by_hand_leaves_timers_to_the_sweep(database_url: str) -> None:
    clock = ManualClock(NOW)
    async with Store(database_url, clock=clock) as store:
        await ask(store, Task.EXPIRE, run_at=after(60))
        assert await waiting(store) == []
        await ask(store, Task.EXPIRE, run_at=NOW)
        assert await waiting(store) == [("expire", "")]


# ---- Sweep ----------------------------------------------------------------------------------------------------------


async def test_the_sweep_wakes_what_nobody_works_on_once(store: Store) -> None:
    await an_incident(store)
    await at_rest(store, await an_incident(store, incident=OTHER, phases=(Phase.INVESTIGATING, Phase.INCONCLUSIVE)))
    assert (await sweep(store, now=NOW)).advanced == (INCIDENT,)
    assert (await sweep(store, now=NOW)).advanced == (), "its job waits already"


async def at_rest(store: Store, incident: IncidentId) -> None:
    """Its graph comes to its end."""
    async with store.transaction() as tx:
        lease = await acquire(tx, incident, owner="worker", ttl=timedelta(seconds=60))
        assert lease is not None
        assert await let_rest(tx, lease)
        assert await release(tx, lease)


async def test_the_sweep_wakes_a_settled_incident_whose_graph_has_not_come_to_its_end(store: Store) -> None:
    await an_incident(store, phases=(Phase.INVESTIGATING, Phase.INCONCLUSIVE))
    assert (await sweep(store, now=NOW)).advanced == (INCIDENT,)
    async with store.transaction() as tx:
        await tx.execute(text("DELETE FROM procrastinate_jobs"))
    await at_rest(store, INCIDENT)
    assert (await sweep(store, now=NOW)).advanced == ()
    async with store.transaction() as tx:  # It was woken again, and died before it had an end.
        lease = await acquire(tx, INCIDENT, owner="worker", ttl=timedelta(seconds=60))
        assert lease is not None
        assert await release(tx, lease)
    assert (await sweep(store, now=NOW)).advanced == (INCIDENT,)


async def test_who_lost_the_incident_cannot_say_that_it_rests(store: Store) -> None:
    await an_incident(store)
    async with store.transaction() as tx:
        late = await acquire(tx, INCIDENT, owner="late", ttl=timedelta(seconds=0))
    await asyncio.sleep(0.01)
    async with store.transaction() as tx:
        assert await acquire(tx, INCIDENT, owner="next", ttl=timedelta(seconds=60))
        assert late is not None
        assert not await let_rest(tx, late)


async def test_a_settled_incident_of_another_version_of_the_graph_is_left_alone(store: Store) -> None:
    await an_incident(store, phases=(Phase.INVESTIGATING, Phase.INCONCLUSIVE))
    async with store.transaction() as tx:
        await tx.execute(text("UPDATE incident SET graph_version = 'another'"))
    assert (await sweep(store, now=NOW)).advanced == ()


async def test_the_sweep_leaves_what_is_owned_until_its_lease_ends(store: Store) -> None:
    await an_incident(store)
    async with store.transaction() as tx:
        assert await acquire(tx, INCIDENT, owner="worker", ttl=timedelta(seconds=2))
    assert (await sweep(store, now=NOW)).advanced == ()
    await asyncio.sleep(2.1)
    assert (await sweep(store, now=NOW)).advanced == (INCIDENT,)


async def test_the_sweep_leaves_an_incident_whose_timer_runs(store: Store) -> None:
    await an_incident(store, phases=(Phase.INVESTIGATING, Phase.EXECUTING, Phase.VERIFYING))
    await ask(store, Task.MEASURE, item="sha256:1", run_at=store.clock.now() + timedelta(minutes=1))
    assert (await sweep(store, now=NOW)).advanced == ()


async def test_the_sweep_expires_proposals_and_finds_forgotten_work_of_the_executor(store: Store) -> None:
    made = await a_proposal(store)
    await an_incident(store, incident=OTHER)
    async with store.transaction() as tx:
        asked = await request_rehearsal(tx, OTHER, proposed().request, attempt="1", now=NOW)
    swept = await sweep(store, now=after(901))
    assert (swept.expired, swept.executor) == ((made.digest,), 1)
    assert ("rehearse", "") in await waiting(store)
    assert (await sweep(store, now=after(901))).executor == 0
    async with store.transaction() as tx:
        await finish_rehearsal(tx, asked.id, result=None, problem="x", now=NOW)


async def test_the_sweep_finds_an_approved_execution_without_a_job(store: Store) -> None:
    made = await a_proposal(store)
    await decide(store, made.digest, person=person(), choice=Choice.APPROVE, channel=Channel.API, now=NOW)
    swept = await sweep(store, now=NOW)
    assert swept.executor == 1
    assert ("execute", made.digest) in await waiting(store)
    async with store.transaction() as tx:
        await tx.execute(text("DELETE FROM procrastinate_jobs"))
        [execution] = await executions_of(tx, made.digest)
        gone = await set_execution_status(tx, execution, to=ExecutionStatus.DISPATCHED, now=NOW)
        await set_execution_status(tx, gone, to=ExecutionStatus.SUCCEEDED, now=NOW)
    assert (await sweep(store, now=NOW)).executor == 0
