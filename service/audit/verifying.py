"""`midwatch audit verify`: the ledger in use, an exported one, or an evidence pack, held against keys and heads."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from incidents.heads import Trust
from incidents.ids import Digest
from orchestrator.audit.keys import UnusableKeyError
from orchestrator.audit.offline import UnreadableLedgerError, verify_files
from orchestrator.audit.places import UnreadableHeadsError, keyring, read_heads
from orchestrator.ledger import Audit, UnreachableLedgerError
from orchestrator.settings import InvalidSettingsError, load
from service.audit.manifest import MANIFEST_FILE, PackCheck, UnreadablePackError, check_pack

HOLDS, BROKEN, NOT_CHECKED, UNPROVEN = 0, 1, 2, 3


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The options."""

    path: Path | None
    heads: tuple[Path, ...]
    public_keys: tuple[str, ...]
    head: str
    signed: bool
    json_file: Path | None


def verify_command(wanted: Wanted) -> int:
    """Check; the exit code says how it went."""
    console = Console()
    try:
        found = asyncio.run(_verify(wanted))
    except (
        UnusableKeyError,
        UnreadableHeadsError,
        UnreadableLedgerError,
        UnreadablePackError,
        InvalidSettingsError,
        UnreachableLedgerError,
        OSError,
    ) as error:
        console.print(f"It could not be checked: {error}", style="bold red", markup=False)
        return NOT_CHECKED
    if wanted.json_file is not None:
        wanted.json_file.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    for line in _problems(found):
        console.print(line, style="red", markup=False)
    style = "green" if found.proven else "yellow" if found.intact else "bold red"
    console.print(summary(found), style=style, markup=False)
    if not found.intact:
        return BROKEN
    return UNPROVEN if wanted.signed and not found.proven else HOLDS


async def _verify(wanted: Wanted) -> Audit | PackCheck:
    settings = load()
    trusted = await asyncio.to_thread(keyring, settings, given=wanted.public_keys)
    given = [(str(path), signed) for path in wanted.heads for signed in await asyncio.to_thread(read_heads, path)]
    head = Digest(wanted.head) if wanted.head else None
    match wanted.path:
        case None:
            # Brings the whole product along, which somebody who checks files offline need not wait for.
            from orchestrator.audit.in_use import check_in_use

            return await check_in_use(settings, trusted=trusted, heads=given, head=head)
        case path if (path / MANIFEST_FILE).is_file():
            return await asyncio.to_thread(check_pack, path, trusted=trusted)
        case path:
            return await verify_files(path, trusted=trusted, heads=given, head=head)


def _problems(found: Audit | PackCheck) -> Iterator[str]:
    match found:
        case Audit():
            yield from (f"entry {broken.seq}: {broken.problem}" for broken in found.breaks)
        case PackCheck():
            yield from found.problems


def summary(found: Audit | PackCheck) -> str:
    """One line for people."""
    if isinstance(found, Audit):
        return found.summary
    if not found.intact:
        return f"{found.incident}: {len(found.problems)} problems; first: {found.problems[0]}"
    return f"{found.incident}: unchanged; {_vouched(found)}; {_manifest(found)}"


def _vouched(found: PackCheck) -> str:
    if found.head is None:
        return "leads to no signed head: export it again when the ledger was signed that far"
    where = f"leads to the head of entry {found.head.head.seq}, signed by {found.head.key}"
    match found.head_trust:
        case Trust.TRUSTED:
            return where
        case Trust.SELF_NAMED:
            return f"{where}, a key that only the pack itself names: give the right one with --public-key"
        case _:
            return f"{where}, a key that nobody here knows"


def _manifest(found: PackCheck) -> str:
    match found.manifest_trust:
        case None:
            return "its manifest is not signed"
        case Trust.TRUSTED:
            return "its manifest is signed by a key that counts"
        case _:
            return "its manifest is signed by a key that only it names"
