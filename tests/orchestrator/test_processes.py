"""Several processes, and processes that are killed: nothing doubled, nothing lost."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from incidents.ids import IncidentId
from orchestrator.intake.take_in import take_in
from orchestrator.jobs import Job, Jobs, Task, enqueue
from orchestrator.ledger import verify_ledger
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from orchestrator.store.proposals import save_proposal
from tests.incidents.making import proposal
from tests.orchestrator.child import QUICK, delivery
from tests.orchestrator.conftest import both_servers
from tests.orchestrator.making import INCIDENT, a_proposal, an_incident, at
from tests.orchestrator.servers import short_folder

ROOT = Path(__file__).parents[2]
SETTINGS = Settings(clusters=({"name": "prod-eu"},))


class Child(subprocess.Popen[str]):
    """Another process of Midwatch, doing one part of tests/orchestrator/child.py."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "tests.orchestrator.child", *arguments]
        super().__init__(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self) -> str:
        """The next thing it said; empty when it ended."""
        assert self.stdout is not None
        return self.stdout.readline().strip()


@contextmanager
def children(*arguments: tuple[str, ...]) -> Iterator[list[Child]]:
    """These processes; what is left of them at the end is killed."""
    started = [Child(*each) for each in arguments]
    try:
        yield started
    finally:
        for child in started:
            child.kill()
            child.communicate(timeout=60)


def finish(child: Child) -> list[str]:
    """What else it said until its end, which has to be a good one."""
    out, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    return out.splitlines()


async def scalar(store: Store, query: str) -> int:
    async with store.transaction() as tx:
        return int((await tx.execute(text(query))).scalar_one())


# ---- Races ----------------------------------------------------------------------------------------------------------


@both_servers
async def test_two_processes_never_own_an_incident_together(store: Store, database_url: str) -> None:
    await an_incident(store)
    async with store.transaction() as tx:
        await tx.execute(text("UPDATE incident SET title = '0'"))
    with children(("count", database_url, "one", "60"), ("count", database_url, "two", "60")) as both:
        counted = [line for child in both for line in finish(child)].count("counted")
    assert counted > 30
    assert await scalar(store, "SELECT title::int FROM incident") == counted
    assert await scalar(store, "SELECT fence FROM incident") == counted


@both_servers
async def test_two_processes_that_take_in_the_same_groups_open_each_incident_once(
    store: Store, database_url: str
) -> None:
    with children(("intake", database_url, "0", "25"), ("intake", database_url, "0", "25")) as both:
        opened = [line for child in both for line in finish(child) if "inc-" in line]
    assert len(opened) == 25
    assert await scalar(store, "SELECT count(*) FROM incident") == 25
    assert await scalar(store, "SELECT count(*) FROM alert") == 50
    assert (await verify_ledger(store)).intact


async def test_two_processes_complete_each_quorum_once(store: Store, database_url: str) -> None:
    await a_proposal(store, approvals=2)
    made = [proposal(approvals=2, lives_seconds=900 + n) for n in range(1, 16)]
    async with store.transaction() as tx:
        for each in made:
            await save_proposal(tx, each)
    digests = [each.digest for each in made]
    clicks = [("click", database_url, name, *digests) for name in ("ada", "grace", "linus")]
    with children(*clicks) as three:
        said = [line for child in three for line in finish(child)]
    assert said.count("complete") == said.count("counted") == len(made)
    assert await scalar(store, "SELECT count(*) FROM decision") == 2 * len(made)
    assert (await verify_ledger(store)).intact


# ---- Kills ----------------------------------------------------------------------------------------------------------


@pytest.mark.kill
async def test_killed_in_the_middle_of_a_delivery_nothing_of_it_is_there_and_it_comes_again(
    store: Store, database_url: str
) -> None:
    """Every insert into the timeline takes a second: the kill hits an open transaction for certain."""
    async with store.transaction() as tx:
        for statement in SLOW:
            await tx.execute(text(statement))
    with children(("intake", database_url, "0", "1")) as [child]:
        assert child.line() == "ready"
        await _until_asleep(store)
        child.send_signal(signal.SIGKILL)
        assert child.line() == ""
    async with store.transaction() as tx:
        await tx.execute(text("DROP TRIGGER slow ON timeline_event"))
    for table in ("delivery", "alert", "incident", "timeline_event", "ledger", "procrastinate_jobs"):
        assert await scalar(store, f"SELECT count(*) FROM {table}") == 0, table
    assert len((await take_in(store, delivery(0), settings=SETTINGS, now=at("02:48:20"))).opened) == 1


@pytest.mark.kill
async def test_whenever_it_is_killed_what_was_answered_is_there(store: Store, database_url: str) -> None:
    answered = set()
    for round_, delay in enumerate((0.0, 0.01, 0.03, 0.08)):
        with children(("intake", database_url, str(100 * round_), "90")) as [child]:
            assert child.line() == "ready"
            time.sleep(delay)  # noqa: ASYNC251 - nothing else runs here, and the kill should come at that moment
            child.send_signal(signal.SIGKILL)
            out, _ = child.communicate(timeout=60)
            answered |= {int(line.split()[0]) for line in out.splitlines() if line.strip()}
    assert await scalar(store, "SELECT count(*) FROM incident") >= len(answered)
    # Alertmanager sends again what was not answered; here everything comes again.
    for number in [n for round_ in range(4) for n in range(100 * round_, 100 * round_ + 90)]:
        receipt = await take_in(store, delivery(number), settings=SETTINGS, now=at("02:49:00"))
        assert number not in answered or receipt.repeated == 2
    assert await scalar(store, "SELECT count(*) FROM incident") == 360
    assert await scalar(store, "SELECT count(*) FROM alert WHERE incident_id IS NOT NULL") == 720
    assert await scalar(store, "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'advance'") == 360
    assert (await verify_ledger(store)).intact


@pytest.mark.kill
async def test_a_job_of_a_killed_worker_is_taken_over(store: Store, database_url: str) -> None:
    async with store.transaction() as tx:
        await enqueue(tx, Task.ADVANCE, INCIDENT)
    with children(("hang", database_url)) as [child]:
        assert await asyncio.to_thread(child.line) == f"started {INCIDENT}"
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=60)
    done = asyncio.get_running_loop().create_future()

    async def advance(job: Job) -> None:
        done.set_result(job.incident)

    running = asyncio.create_task(Jobs(database_url, handlers={Task.ADVANCE: advance}, periods=QUICK).run())
    async with asyncio.timeout(60):
        taken: IncidentId = await done
    assert taken == INCIDENT
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


# ---- The embedded server --------------------------------------------------------------------------------------------


@pytest.mark.kill
def test_processes_of_one_folder_share_the_server_and_a_killed_one_does_not_keep_it_running() -> None:
    with short_folder() as folder:
        with children(("embedded", str(folder)), ("embedded", str(folder))) as [one, other]:
            assert one.line() == other.line() != ""
            postmaster = int((folder / "pg" / "postmaster.pid").read_text().splitlines()[0])
            one.send_signal(signal.SIGKILL)
            one.wait(timeout=60)
            assert psutil.pid_exists(postmaster), "the other one still uses it"
            with children(("embedded", str(folder))) as [third]:
                third.line()
                finish(other)
                assert psutil.pid_exists(postmaster)
                finish(third)
        psutil.wait_procs([psutil.Process(postmaster)] if psutil.pid_exists(postmaster) else [], timeout=60)
        assert not psutil.pid_exists(postmaster), "the last one that ended has stopped it"


SLOW = (
    "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NEW; END $$",
    "CREATE TRIGGER slow BEFORE INSERT ON timeline_event FOR EACH ROW EXECUTE FUNCTION slow()",
)


async def _until_asleep(store: Store) -> None:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
    for _ in range(6000):
        if await scalar(store, query):
            return
        await asyncio.sleep(0.01)
    raise TimeoutError
