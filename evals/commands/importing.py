"""`midwatch eval import`: a handled incident becomes a scenario whose truth a person confirms."""

from pathlib import Path

from evals.replay.imported import import_export
from evals.report.terminal import terminal
from orchestrator.exporting import InvalidExportError

USAGE = 2


def import_command(export: Path, *, folder: Path) -> int:
    """Import and say what is left to do; 2 when the file is no export."""
    console = terminal()
    try:
        path = import_export(export, folder=folder)
    except InvalidExportError as error:
        console.print(str(error), markup=False, soft_wrap=True)
        return USAGE
    console.print(f"{path}: read its truth, correct it where Midwatch was wrong, and write `confirmed: true`;")
    console.print(f"then: midwatch eval {path}", markup=False)
    return 0
