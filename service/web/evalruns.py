"""Runs of `midwatch eval run --json FILE` that lie in a folder, read for the page that shows them over time."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from incidents.value import Value

MOST_RUNS = 120
"""Files that are read, the newest: a run a day for four months."""
MOST_BYTES = 32 * 1024 * 1024
"""Of one file; a run of a thousand cases has about ten."""
KEPT = 512
"""Runs whose figures are kept in memory."""


class _Result(BaseModel):
    """One case of a run; the rest of what a file says of it is for other readers."""

    model_config = ConfigDict(extra="ignore")
    case: str
    family: str = ""
    metrics: dict[str, float] = {}
    error: str | None = None


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore")
    suite: str
    cases: int
    metrics: dict[str, float]
    families: dict[str, dict[str, float]] = {}
    intervals: dict[str, dict[str, tuple[float, float, float]]] = {}
    failures: int = 0
    complete: bool = True
    results: tuple[_Result, ...] = ()


class Run(Value):
    """One run."""

    file: str
    at: datetime
    """When the file was written."""
    suite: str
    cases: int
    failures: int
    """Cases that could not be run."""
    complete: bool = True
    """Whether every case was played; the figures of a run that was stopped are none of its suite."""
    metrics: dict[str, float]
    bounds: dict[str, tuple[float, float]]
    families: dict[str, dict[str, float]]
    wrong: tuple[str, ...]
    """Cases that were not answered right."""


class Runs(Value):
    """What a folder holds."""

    by_suite: dict[str, tuple[Run, ...]]
    """Oldest first."""
    unreadable: tuple[str, ...]
    """Files that hold no run, with what is wrong."""


def runs_in(folder: Path) -> Runs:
    """Read the folder; blocking, so call it in a thread. A folder that is not there holds nothing."""
    files = (
        sorted(folder.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name)) if folder.is_dir() else []
    )
    found, unreadable = [], []
    for path in files[-MOST_RUNS:]:
        stamp = path.stat()
        run = _read(path, stamp.st_mtime_ns, stamp.st_size)
        if isinstance(run, Run):
            found.append(run)
        else:
            unreadable.append(run)
    suites = sorted({run.suite for run in found})
    return Runs(
        by_suite={suite: tuple(run for run in found if run.suite == suite) for suite in suites},
        unreadable=tuple(unreadable),
    )


@lru_cache(maxsize=KEPT)
def _read(path: Path, changed_ns: int, size: int) -> Run | str:
    if size > MOST_BYTES:
        return f"{path.name}: larger than the {MOST_BYTES // 1024 // 1024} MiB that are read"
    try:
        document = _Document.model_validate(json.loads(path.read_bytes()))
    except (OSError, ValueError, ValidationError):
        return f"{path.name}: holds no run of `midwatch eval run --json`"
    return _run(document, path.name, at=datetime.fromtimestamp(changed_ns / 1e9, tz=UTC))


def _run(document: _Document, name: str, *, at: datetime) -> Run:
    overall: Mapping[str, tuple[float, float, float]] = document.intervals.get("overall", {})
    return Run(
        file=name,
        at=at,
        suite=document.suite,
        cases=document.cases,
        failures=document.failures,
        complete=document.complete,
        metrics=document.metrics,
        bounds={key: (low, high) for key, (low, high, _) in overall.items()},
        families=document.families,
        wrong=tuple(r.case for r in document.results if r.error or r.metrics.get("right", 1.0) < 1.0),
    )
