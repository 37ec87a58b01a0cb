"""`midwatch incidents ...`: what the console shows, in a terminal."""

import asyncio
from pathlib import Path

from rich.console import Console
from rich.table import Table

from incidents.ids import IncidentId
from incidents.incident import CLOSED, Phase
from orchestrator.assembly import open_store
from orchestrator.exporting import Export, export
from orchestrator.policy.load import load_policy
from orchestrator.settings import load
from orchestrator.store.diagnoses import latest_diagnosis
from orchestrator.store.errors import UnknownError
from orchestrator.store.incidents import incident_of, list_incidents
from orchestrator.store.timeline import timeline_of

EMPTY = "No incidents. They open when an Alertmanager posts to /api/v1/alerts/alertmanager."


def show_list(*, everything: bool) -> int:
    """Print the list."""
    return asyncio.run(_list(everything=everything))


async def _list(*, everything: bool) -> int:
    phases = None if everything else [phase for phase in Phase if phase not in CLOSED]
    async with open_store(load()) as store, store.transaction() as tx:
        found = await list_incidents(tx, phases=phases)
    table = Table("incident", "severity", "phase", "opened (UTC)", "title")
    for item in found:
        table.add_row(item.id, item.severity.label, item.phase, f"{item.opened_at:%Y-%m-%d %H:%M:%S}", item.title)
    Console().print(table if found else EMPTY)
    return 0


def export_one(incident: str, *, out: Path) -> int:
    """Write an incident's export; 1 when there is none of that id, or the file cannot be written."""
    console = Console()
    try:
        made = asyncio.run(_exported(IncidentId(incident)))
    except UnknownError as error:
        console.print(f"{error}; `midwatch incidents list --all` shows all")
        return 1
    path = out / made.file_name if out.is_dir() else out
    try:
        made.write(path)
    except OSError as error:
        console.print(f"{path} cannot be written: {error.strerror}; name another place with --out", style="red")
        return 1
    asked = sum(len(look.answers) for look in made.looks)
    console.print(f"{path}: {asked} answers in {len(made.looks)} looks, {path.stat().st_size / 1024:.0f} KiB")
    console.print(f"run it again with: midwatch replay {path}", markup=False)
    return 0


async def _exported(incident: IncidentId) -> Export:
    settings = load()
    async with open_store(settings) as store, store.transaction() as tx:
        return await export(tx, incident, settings=settings, policy=load_policy(settings.policy))


def show_one(incident: str) -> int:
    """Print one; 1 when there is none of that id."""
    return asyncio.run(_one(IncidentId(incident)))


async def _one(incident: IncidentId) -> int:
    console = Console()
    async with open_store(load()) as store, store.transaction() as tx:
        try:
            head = await incident_of(tx, incident)
        except UnknownError as error:
            console.print(f"{error}; `midwatch incidents list --all` shows all")
            return 1
        diagnosis = await latest_diagnosis(tx, incident)
        lines = await timeline_of(tx, incident)
    console.print(f"[bold]{head.severity.label}  {head.title}[/]  {head.phase}")
    for hypothesis in diagnosis.leading if diagnosis else ():
        console.print(f"{hypothesis.statement}  ({hypothesis.probability:.0%} sure)", markup=False)
    for line in lines:
        console.print(f"{line.at:%H:%M:%S}  {line.actor}: {line.text}", markup=False, highlight=False)
    return 0
