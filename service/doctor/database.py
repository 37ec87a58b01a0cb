"""The database: reachable, new enough, migrated, and a ledger that takes entries and nothing else."""

import asyncio
import os
from pathlib import Path

from orchestrator.postgres import FOLDER, EmbeddedServer, EmbeddedServerError
from orchestrator.settings import Settings
from orchestrator.store.inspection import DatabaseReport, DatabaseUnreachableError, inspect
from service.doctor.checking import CHECK_SECONDS
from service.doctor.finding import Finding, State

WHAT = "Database"
NOTHING_RUNS = "nothing runs without it: alerts are answered 503, and Alertmanager sends them again"


async def check(settings: Settings) -> tuple[DatabaseReport | None, Finding]:
    """The row. An embedded server that does not run is started for the look; one that never was is not made."""
    if settings.embedded and not (settings.data_dir / FOLDER).is_dir():
        return None, _not_yet(settings.data_dir)
    server = None
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            server = await asyncio.to_thread(EmbeddedServer, settings.data_dir) if settings.embedded else None
            report = await inspect(server.url if server else settings.database_url)
    except TimeoutError:
        return None, _failed(f"did not answer within {CHECK_SECONDS:.0f} s")
    except (DatabaseUnreachableError, EmbeddedServerError, OSError) as error:
        return None, _failed(str(error))
    finally:
        if server is not None:
            await asyncio.to_thread(server.release)
    return report, judge(report, embedded=settings.embedded)


def judge(seen: DatabaseReport, *, embedded: bool) -> Finding:
    """What the report means. Pure."""
    kind = "embedded PostgreSQL" if embedded else "PostgreSQL"
    found = [f"{kind} {seen.version}"]
    if not seen.supported:
        return Finding(
            what=WHAT, state=State.FAILED, found=found[0], means=NOTHING_RUNS, do="use PostgreSQL 14 or newer"
        )
    if not seen.migrated:
        stands = f"at migration {seen.revision}" if seen.revision else "without tables yet"
        return Finding(
            what=WHAT,
            state=State.DEGRADED,
            found=f"{found[0]}, {stands}; this version needs {seen.head}",
            means="the next start of `midwatch serve` migrates it",
            do="start it, or check the address if this is not the database that you meant",
        )
    problem = _ledger_problem(seen)
    found.append(f"migrated ({seen.revision})")
    found.append(problem or "the ledger takes entries and refuses to change them")
    if seen.paused:
        found.append("execution is paused")
    return Finding(
        what=WHAT,
        state=State.FAILED if problem else State.OK,
        found="; ".join(found),
        means="nothing is executed, because nothing can be recorded" if problem else _kept(paused=seen.paused),
        do=_repair(seen) if problem else "`midwatch resume` lets approved proposals run" if seen.paused else "",
        sees=() if problem else ("every decision and change, in a record that cannot be changed quietly",),
    )


def _kept(*, paused: bool) -> str:
    kept = "alerts, decisions and changes are kept and cannot be altered unnoticed"
    return f"{kept}; nothing is executed until somebody resumes it" if paused else kept


def _ledger_problem(seen: DatabaseReport) -> str:
    if not seen.ledger_writable:
        return f"the ledger cannot be written: {seen.ledger_problem}"
    return "" if seen.ledger_append_only else "an entry of the ledger could be deleted"


def _repair(seen: DatabaseReport) -> str:
    if not seen.ledger_writable:
        return "connect as the owner of the tables, or grant INSERT and SELECT on ledger"
    return "restore the trigger midwatch_ledger_is_append_only, then run `midwatch audit verify`"


def _not_yet(folder: Path) -> Finding:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(there, os.W_OK):
        return _failed(f"{there} cannot be written, so that no database can be made under {folder}")
    return Finding(
        what=WHAT,
        state=State.OK,
        found=f"none yet: the embedded PostgreSQL is made under {folder} by the first start",
        means="Midwatch has not run here",
    )


def _failed(found: str) -> Finding:
    return Finding(
        what=WHAT,
        state=State.FAILED,
        found=found,
        means=NOTHING_RUNS,
        do="see that PostgreSQL runs and that MIDWATCH_DATABASE_URL (or MIDWATCH_DATA_DIR) is right",
    )
