"""`midwatch bench`: runs the benchmarks, prints a table, writes the figures."""

import json
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx
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
    """Run them; 1 when one could not be measured, 2 for a name that is none.

    Aims that are not met are shown, never an exit code: machines differ.
    """
    console = Console()
    if unknown := sorted(set(only) - set(BENCHMARKS)):
        console.print(f"{', '.join(unknown)} is no benchmark: write one of {', '.join(BENCHMARKS)}")
        return 2
    figures: list[Figure] = []
    failed: dict[str, str] = {}
    load = psutil.getloadavg()[0]
    for name in only or BENCHMARKS:
        try:
            with console.status(f"{name} ..."):
                figures += BENCHMARKS[name]()
        except (OSError, httpx.HTTPError, subprocess.SubprocessError) as error:  # a TimeoutError is an OSError
            failed[name] = f"{type(error).__name__}: {error}"
            console.print(f"{name} could not be measured: {failed[name]}", style="red")
        _write(json_file, figures, failed, load=load)
    console.print(_table(figures))
    console.print(f"written to {json_file}; the load of the machine was {load:.1f} when it began")
    return 1 if failed else 0


def _write(json_file: Path, figures: Sequence[Figure], failed: Mapping[str, str], *, load: float) -> None:
    """After every benchmark: what was measured stays when a later one fails."""
    json_file.parent.mkdir(parents=True, exist_ok=True)
    machine = {
        "cpus": psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
        "load_before": round(load, 2),
    }
    report = {"machine": machine, "figures": [figure.model_dump() for figure in figures], "failed": dict(failed)}
    json_file.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _table(figures: Sequence[Figure]) -> Table:
    table = Table(
        "measured", "value", "unit", "aim", "", title=f"Midwatch on {psutil.cpu_count()} CPUs", title_justify="left"
    )
    for figure in figures:
        verdict = "" if figure.met is None else "met" if figure.met else "missed"
        table.add_row(figure.name, f"{figure.value:.3g}", figure.unit, figure.aim, verdict)
    return table
