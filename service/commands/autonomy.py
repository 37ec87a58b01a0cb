"""`midwatch autonomy`: what became of each kind of change, and what a lower bound on its success is."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from incidents.autonomy import Grade, TrackRecord, records, trials_needed
from orchestrator.assembly import open_store
from orchestrator.settings import load
from orchestrator.store.outcomes import graded_since

EMPTY = "Nothing was verified, undone, escalated or rejected yet: there is no record to judge by."
TYPICAL = 0.9
"""A bound that many would sign: the table says how many successes in a row it takes."""


def autonomy_command(*, days: float, confidence: float, json_file: Path | None) -> int:
    """Print the records."""
    found = asyncio.run(_read(days))
    if json_file is not None:
        plain = [_plain(record, confidence) for record in found]
        json_file.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")
    console = Console()
    console.print(_table(found, confidence) if found else EMPTY)
    needed = trials_needed(TYPICAL, confidence=confidence)
    console.print(
        f"Bound: with {confidence:.0%} confidence it succeeds at least so often (Clopper-Pearson, one-sided). "
        f"{TYPICAL:.0%} takes {needed} verified in a row. "
        "Nothing runs without a click unless a signed row of the policy says so.",
        style="dim",
        markup=False,
    )
    return 0


async def _read(days: float) -> tuple[TrackRecord, ...]:
    settings = load()
    now = settings.time.now()
    async with open_store(settings) as store, store.transaction() as tx:
        return records(await graded_since(tx, now - timedelta(days=days)), now=now, days=days)


def _table(found: tuple[TrackRecord, ...], confidence: float) -> Table:
    table = Table("action", "cause", "where")
    for name in ("verified", "undone", "escalated", "unknown", "rejected", "bound"):
        table.add_column(name, justify="right")
    table.add_column("last went wrong")
    for record in found:
        counts = [str(record.counts.get(grade, 0)) for grade in Grade]
        change = record.change
        wrong = f"{record.demoted_at:%Y-%m-%d %H:%M}" if record.demoted_at else ""
        where = f"{change.namespace} ({change.cluster})"
        bound = f"{record.bound(confidence=confidence):.0%}"
        table.add_row(change.action, change.cause, where, *counts, bound, wrong)
    return table


def _plain(record: TrackRecord, confidence: float) -> dict[str, object]:
    bound = record.bound(confidence=confidence)
    return record.model_dump(mode="json") | {
        "trials": record.trials,
        "bound": round(bound, 6),
        "confidence": confidence,
    }
