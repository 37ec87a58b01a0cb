"""`midwatch digest`: the last days in a few lines, or as JSON for whoever posts it."""

import asyncio
from pathlib import Path

from rich.console import Console

from orchestrator.assembly import open_store
from orchestrator.settings import load
from service.digest.reading import digest_of
from service.digest.telling import Digest


def digest_command(*, days: int, json_file: Path | None) -> int:
    """Print it."""
    told = asyncio.run(_read(days))
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(told.model_dump_json(indent=2), encoding="utf-8")
    console = Console(highlight=False)
    console.print(told.title, style="bold", markup=False)
    for line in told.lines:
        console.print(line, markup=False)
    return 0


async def _read(days: int) -> Digest:
    settings = load()
    async with open_store(settings) as store, store.transaction() as tx:
        return await digest_of(tx, until=settings.time.now(), days=days)
