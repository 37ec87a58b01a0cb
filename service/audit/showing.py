"""`midwatch audit show`: the entries of one incident, for people or for machines."""

import asyncio
import json
import sys

from rich.console import Console
from rich.table import Table

from incidents.ids import IncidentId
from incidents.ledger import Entry
from orchestrator.assembly import open_store
from orchestrator.ledger import evidence_pack
from orchestrator.settings import load
from service.audit.wording import about


def show_command(incident: str, *, as_json: bool) -> int:
    """Print them; 1 when there are none."""
    entries = asyncio.run(_read(IncidentId(incident)))
    if as_json:
        for entry in entries:
            sys.stdout.write(json.dumps(entry.model_dump(mode="json"), ensure_ascii=False) + "\n")
        return 0 if entries else 1
    if not entries:
        Console().print(f"The ledger holds nothing of {incident}; `midwatch incidents list --all` shows what there is.")
        return 1
    Console().print(_table(entries))
    return 0


async def _read(incident: IncidentId) -> tuple[Entry, ...]:
    async with open_store(load()) as store:
        return await evidence_pack(store, incident)


def _table(entries: tuple[Entry, ...]) -> Table:
    table = Table("entry", "when (UTC)", "what", "who", "about")
    for entry in entries:
        when = f"{entry.at:%Y-%m-%d %H:%M:%S}"
        table.add_row(str(entry.seq), when, entry.kind.replace("_", " "), entry.actor, about(entry.payload))
    return table
