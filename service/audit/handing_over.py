"""`midwatch audit export`: an evidence pack, or the whole ledger, as files."""

import asyncio
from pathlib import Path

from rich.console import Console

from incidents.ids import IncidentId
from orchestrator.assembly import open_store
from orchestrator.audit.in_use import NotSignedError, sign_now
from orchestrator.audit.keys import SigningKey, UnusableKeyError
from orchestrator.audit.offline import HEADS, LEDGER, write_ledger
from orchestrator.audit.places import key_files
from orchestrator.settings import Settings, load
from orchestrator.store.database import Store
from orchestrator.store.errors import UnknownError
from service.audit.manifest import MANIFEST_FILE, write_pack
from service.audit.pack import pack_of


def export_command(incident: str, *, out: Path) -> int:
    """Write it; 1 when there is no such incident, 2 when it cannot be written."""
    console = Console()
    try:
        return asyncio.run(_export(incident, out, console))
    except UnknownError as error:
        console.print(f"{error}; `midwatch incidents list --all` shows all", markup=False)
        return 1
    except OSError as error:
        console.print(f"{out} cannot be written: {error}; name another place with --out", style="red", markup=False)
        return 2


async def _export(incident: str, out: Path, console: Console) -> int:
    settings = load()
    async with open_store(settings) as store:
        key = await _signed(store, settings, console)
        if not incident:
            count = await write_ledger(store, out)
            console.print(f"{count} entries in {out / LEDGER}, their signed heads in {out / HEADS}", markup=False)
            return 0
        async with store.transaction() as tx:
            pack = await pack_of(tx, IncidentId(incident), now=settings.time.now())
    folder = out / f"{incident}-evidence"
    manifest = await asyncio.to_thread(write_pack, pack, folder, key=key)
    for file in manifest.files:
        console.print(f"{folder / file.name}  {file.bytes} bytes, {file.digest}", markup=False)
    by = f"signed by {manifest.signer.id}" if manifest.signer else "not signed: there is no key on this machine"
    console.print(f"{folder / MANIFEST_FILE}  {by}", markup=False)
    return 0


async def _signed(store: Store, settings: Settings, console: Console) -> SigningKey | None:
    """The key of this machine, when it has one; with it the head is signed first, so that the export leads to it."""
    files = key_files(settings)
    if not await asyncio.to_thread(files.private.exists):
        return None
    try:
        key = await asyncio.to_thread(files.load, settings.time.now())
        await sign_now(store, settings, now=settings.time.now())
    except (NotSignedError, UnusableKeyError) as error:
        console.print(f"The head was not signed: {error}", style="yellow", markup=False)
        return None
    return key
