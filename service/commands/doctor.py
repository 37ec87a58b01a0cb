"""`midwatch doctor`: every connection and permission, what they mean, and what an agent can do on this estate."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from orchestrator.settings import InvalidSettingsError, Settings, load
from service.doctor.finding import Finding, State
from service.doctor.report import Report, examine
from service.doctor.showing import shown


def doctor_command(*, json_file: Path | None) -> int:
    """Check and print. 0 when everything that is configured works, 1 otherwise."""
    report = asyncio.run(_examined())
    if json_file is not None:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(report.model_dump_json(indent=2), encoding="utf-8")
    Console().print(shown(report))
    return 0 if report.healthy else 1


async def _examined() -> Report:
    try:
        settings: Settings = load()
    except InvalidSettingsError as error:
        row = Finding(
            what="Settings",
            state=State.FAILED,
            found=str(error),
            means="no process of Midwatch starts",
            do="correct what is named; .env.example has every setting",
        )
        return Report(at=datetime.now(UTC), findings=(row,))
    found = f"{len(settings.clusters)} clusters, roles {', '.join(settings.roles)}"
    row = Finding(what="Settings", state=State.OK, found=found, means="they can be used")
    if settings.dropped:
        row = _too_much(settings.dropped, found=found)
    report = await examine(settings)
    return report.model_copy(update={"findings": (row, *report.findings)})


def _too_much(clusters: Sequence[str], *, found: str) -> Finding:
    """Write credentials where nobody executes."""
    return Finding(
        what="Settings",
        state=State.DEGRADED,
        found=f"{found}; write credentials for {', '.join(clusters)}, but no executor role",
        means="this process forgot them at its start; whoever reads its settings still has them",
        do="leave kubernetes_write, argocd_write and github_write to the settings of `midwatch executor`",
    )
