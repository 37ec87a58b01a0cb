"""`midwatch bench`: runs the benchmarks, prints a table, writes the figures."""

import json
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from service.bench import intake, investigation, reference, startup
from service.bench.figure import Figure

BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "startup": startup.measure,
    "intake": intake.measure,
    "investigation": investigation.measure,
    "reference": reference.measure,
}


def bench_command(*, json_file: Path, only: Sequence[str]) -> int:
    """Run them; 2 for a name that is none. Aims that are not met are shown, never an exit code: machines differ."""
    console = Console()
    if unknown := sorted(set(only) - set(BENCHMARKS)):
        console.print(f"{', '.join(unknown)} is no benchmark: write one of {', '.join(BENCHMARKS)}")
        return 2
    figures: list[Figure] = []
    for name in only or BENCHMARKS:
        with console.status(f"{name} ..."):
            figures += BENCHMARKS[name]()
    console.print(_table(figures))
    json_file.parent.mkdir(parents=True, exist_ok=True)
    machine = {
        "cpus": psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
    }
    report = {"machine": machine, "figures": [figure.model_dump() for figure in figures]}
    json_file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    console.print(f"written to {json_file}")
    return 0


def _table(figures: Sequence[Figure]) -> Table:
    table = Table(
        "measured", "value", "unit", "aim", "", title=f"Midwatch on {psutil.cpu_count()} CPUs", title_justify="left"
    )
    for figure in figures:
        verdict = "" if figure.met is None else "met" if figure.met else "missed"
        table.add_row(figure.name, f"{figure.value:.3g}", figure.unit, figure.aim, verdict)
    return table
