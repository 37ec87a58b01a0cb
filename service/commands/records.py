"""`midwatch audit ...`: the ledger, checked and shown."""

import asyncio
import json
import sys

from rich.console import Console

from incidents.ids import Digest, IncidentId
from orchestrator.assembly import open_store
from orchestrator.ledger import evidence_pack, verify_ledger
from orchestrator.settings import load


def verify(*, head: str) -> int:
    """Check the chain; 1 when it does not hold."""
    return asyncio.run(_verify(Digest(head) if head else None))


async def _verify(head: Digest | None) -> int:
    console = Console()
    async with open_store(load()) as store:
        report = await verify_ledger(store, head=head)
    for broken in report.breaks:
        console.print(f"entry {broken.seq}: {broken.problem}", style="red", markup=False)
    console.print(report.summary, style="green" if report.intact else "bold red", markup=False)
    return 0 if report.intact else 1


def show(incident: str) -> int:
    """Print the entries of one incident as JSON lines."""
    return asyncio.run(_show(IncidentId(incident)))


async def _show(incident: IncidentId) -> int:
    async with open_store(load()) as store:
        entries = await evidence_pack(store, incident)
    for entry in entries:
        sys.stdout.write(json.dumps(entry.model_dump(mode="json"), ensure_ascii=False) + "\n")
    return 0 if entries else 1
