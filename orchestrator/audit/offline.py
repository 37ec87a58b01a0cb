"""A whole ledger as files: an entry per line, with the signed heads beside it. Written and checked."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from incidents.heads import SignedHead
from incidents.ids import Digest
from incidents.ledger import Entry
from orchestrator.audit.keys import Keyring
from orchestrator.audit.places import read_heads
from orchestrator.ledger import Audit, verify_chain
from orchestrator.store.database import Store
from orchestrator.store.heads import heads_of
from orchestrator.store.ledger import entries

LEDGER = "ledger.jsonl"
HEADS = "heads.jsonl"


class UnreadableLedgerError(Exception):
    """An exported ledger cannot be read; the message names file and line."""


async def write_ledger(store: Store, folder: Path) -> int:
    """Write all entries and all heads; how many entries there are. Raises OSError."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    count = 0
    async with store.transaction() as tx:
        with (folder / LEDGER).open("w", encoding="utf-8") as file:
            async for entry in entries(tx):
                file.write(entry.model_dump_json() + "\n")
                count += 1
        heads = await heads_of(tx)
    (folder / HEADS).write_text("".join(head.model_dump_json() + "\n" for head in heads), encoding="utf-8")
    return count


async def verify_files(
    path: Path, *, trusted: Keyring, heads: Sequence[tuple[str, SignedHead]] = (), head: Digest | None = None
) -> Audit:
    """Check an export: its folder, or its file of entries. Raises UnreadableLedgerError, UnreadableHeadsError."""
    file, own = await asyncio.to_thread(_files, path)
    return await verify_chain(_read(file), heads=[*heads, *own], trusted=trusted, head=head)


def _files(path: Path) -> tuple[Path, list[tuple[str, SignedHead]]]:
    file = path / LEDGER if path.is_dir() else path
    beside = file.with_name(HEADS)
    return file, [(HEADS, signed) for signed in read_heads(beside)] if beside.is_file() else []


async def _read(file: Path) -> AsyncIterator[Entry]:
    number = 0
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                number += 1
                if line.strip():
                    yield Entry.model_validate_json(line)
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableLedgerError(f"{file} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise UnreadableLedgerError(f"{file}:{number} is no entry of a ledger: {first['msg']}") from error
