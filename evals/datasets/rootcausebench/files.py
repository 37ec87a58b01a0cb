"""The files of one case as they stand. Nothing is interpreted here; unknown fields are kept where they are data."""

import csv
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from evals.datasets.dataset import DatasetError

ModelT = TypeVar("ModelT", bound=BaseModel)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class AlertFile(_Record):
    """`alert.json`."""

    service: str
    metric: str = ""
    fired_at: datetime
    severity: str = "critical"
    monitor: str = ""
    summary: str = ""
    detail: str = ""


class LogRecord(_Record):
    """One line of `logs.ndjson`; everything else that it has is in `model_extra`."""

    timestamp: datetime
    service: str
    severity_text: str = ""
    msg: str = ""


class SpanRecord(_Record):
    """One element of `traces.json`."""

    trace_id: str = ""
    span_id: str
    parent_id: str | None = None
    service: str
    name: str = ""
    start: datetime
    duration_ms: float = 0.0
    status: str = "OK"


class CommitRecord(_Record):
    """One element of `context/commits.json`."""

    sha: str
    author: str = ""
    timestamp: datetime
    message: str = ""
    files_changed: tuple[str, ...] = ()
    diff: str | None = None


class DeployRecord(_Record):
    """One element of `context/deploys.json`."""

    timestamp: datetime
    service: str
    commit_sha: str = ""
    version: str = ""


class Sample(BaseModel):
    """One row of `metrics.csv`."""

    model_config = ConfigDict(frozen=True)

    timestamp: datetime
    service: str
    metric: str
    value: float


class Files:
    """What is in `environment/data` of one case. Raises DatasetError with file and place."""

    def __init__(self, folder: Path) -> None:
        """`folder` of the case."""
        self.folder = folder
        data = folder / "environment" / "data"
        self.alert: AlertFile = _one(data / "alert.json", AlertFile)
        self.logs: tuple[LogRecord, ...] = tuple(_lines(data / "logs.ndjson", LogRecord))
        self.metrics: tuple[Sample, ...] = tuple(_table(data / "metrics.csv"))
        self.spans: tuple[SpanRecord, ...] = tuple(_many(data / "traces.json", SpanRecord))
        self.commits: tuple[CommitRecord, ...] = tuple(_many(data / "context" / "commits.json", CommitRecord))
        self.deploys: tuple[DeployRecord, ...] = tuple(_many(data / "context" / "deploys.json", DeployRecord))

    @property
    def services(self) -> Sequence[str]:
        """Names of all services that any file knows, sorted."""
        found = {self.alert.service, *(one.service for one in self.logs), *(one.service for one in self.metrics)}
        found |= {one.service for one in self.spans} | {one.service for one in self.deploys}
        return sorted(name for name in found if name)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); a case has this file") from error


def _one(path: Path, model: type[ModelT]) -> ModelT:
    found: ModelT = _checked(path, "", lambda: model.model_validate_json(_text(path)))
    return found


def _many(path: Path, model: type[ModelT]) -> Iterable[ModelT]:
    """A list, or an object with one list in it. A file that is not there holds nothing."""
    if not path.exists():
        return ()
    found: Any = _checked(path, "", lambda: json.loads(_text(path)))
    if isinstance(found, dict):
        found = next((value for value in found.values() if isinstance(value, list)), [])
    items: list[ModelT] = _checked(path, "", lambda: [model.model_validate(one) for one in found])
    return items


def _lines(path: Path, model: type[ModelT]) -> Iterable[ModelT]:
    for number, line in enumerate(_text(path).splitlines() if path.exists() else (), start=1):
        if line.strip():
            yield _checked(path, f"line {number}: ", lambda line=line: model.model_validate_json(line))


def _table(path: Path) -> Iterable[Sample]:
    rows = csv.DictReader(_text(path).splitlines() if path.exists() else ())
    for number, row in enumerate(rows, start=2):
        yield _checked(path, f"line {number}: ", lambda row=row: Sample.model_validate(row))


def _checked(path: Path, where: str, read: Any) -> Any:
    try:
        return read()
    except (ValidationError, ValueError) as error:
        if isinstance(error, DatasetError):
            raise
        raise DatasetError(f"{path}: {where}{str(error).splitlines()[0]}") from error


def seconds(at: datetime) -> float:
    """Unix seconds; a time without a zone is UTC."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def recorded_times(files: Files) -> list[datetime]:
    """Moments of everything that was measured or written."""
    return [*(one.timestamp for one in files.metrics), *(one.timestamp for one in files.logs)]
