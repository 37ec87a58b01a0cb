"""What a second process does in the tests of races and kills: `python -m tests.orchestrator.child <part> <url> ...`.

Every part says what it did on standard output, a line at a time, only after it was committed.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from incidents.approval import Accepted, Channel, Choice
from incidents.ids import ProposalDigest
from orchestrator.decisions import decide
from orchestrator.intake.take_in import take_in
from orchestrator.jobs import Job, Jobs, Task
from orchestrator.postgres import EmbeddedServer
from orchestrator.settings import Periods, Settings
from orchestrator.store.database import Store
from orchestrator.store.leases import acquire, release
from tests.incidents.making import after, person
from tests.orchestrator.making import INCIDENT, at, body, raw_alert

QUICK = Periods(heartbeat_seconds=0.2, takeover_seconds=2.0, poll_seconds=0.2)


def say(*words: object) -> None:
    print(*words, flush=True)


def delivery(number: int) -> bytes:
    """A group of its own, with two alerts."""
    alerts = (raw_alert(deployment=f"d{number}"), raw_alert("Second", deployment=f"d{number}"))
    return body(*alerts, group=f"g{number}", groupLabels={"deployment": f"d{number}"})


async def intake(url: str, first: str, count: str) -> None:
    """Take deliveries in, one after the other."""
    settings = Settings(clusters=({"name": "prod-eu"},))
    async with Store(url) as store:
        say("ready")
        for number in range(int(first), int(first) + int(count)):
            receipt = await take_in(store, delivery(number), settings=settings, now=at("02:48:00"))
            say(number, *receipt.opened)


async def count(url: str, owner: str, times: str) -> None:
    """Count up under the lease, reading and writing apart: lost counts show two owners at once."""
    async with Store(url) as store:
        say("ready")
        for _ in range(int(times)):
            async with store.transaction() as tx:
                lease = await acquire(tx, INCIDENT, owner=owner, ttl=timedelta(seconds=5))
            if lease is None:
                await asyncio.sleep(0.005)
                continue
            async with store.transaction() as tx:
                seen = (await tx.execute(text("SELECT title FROM incident"))).scalar_one()
            await asyncio.sleep(0.002)
            async with store.transaction(lease=lease) as tx:
                await tx.execute(text("UPDATE incident SET title = :title"), {"title": str(int(seen) + 1)})
                await release(tx, lease)
            say("counted")


async def click(url: str, name: str, *digests: str) -> None:
    """Approve everything."""
    async with Store(url) as store:
        say("ready")
        for digest in digests:
            answer = await decide(
                store,
                ProposalDigest(digest),
                person=person(name),
                choice=Choice.APPROVE,
                channel=Channel.API,
                now=after(1),
            )
            if isinstance(answer, Accepted):
                say("complete" if answer.complete else "counted")


async def hang(url: str) -> None:
    """Take a job and never finish it."""

    async def advance(job: Job) -> None:
        say("started", job.incident)
        await asyncio.sleep(600)

    await Jobs(url, handlers={Task.ADVANCE: advance}, periods=QUICK).run()


async def embedded(folder: str) -> None:
    """Use the embedded server of a data folder until standard input ends."""
    from orchestrator.store.migrate import migrate  # it brings the checkpointer with it, which starts slowly

    server = await asyncio.to_thread(EmbeddedServer, Path(folder))
    await migrate(server.url)
    async with Store(server.url) as store, store.transaction() as tx:
        say((await tx.execute(text("SELECT pg_postmaster_start_time()"))).scalar_one().isoformat())
    await asyncio.to_thread(sys.stdin.read)
    await asyncio.to_thread(server.release)


PARTS = {part.__name__: part for part in (intake, count, click, hang, embedded)}

if __name__ == "__main__":
    asyncio.run(PARTS[sys.argv[1]](*sys.argv[2:]))
