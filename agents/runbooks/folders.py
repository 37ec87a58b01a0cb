"""Runbooks on disk: several folders, read again when a file changed. A broken file keeps its last good version."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from agents.runbooks.library import Library
from agents.runbooks.parser import Parsed, parse
from agents.runbooks.problem import Problem, Severity
from agents.runbooks.runbook import Runbook

SHIPPED = Path(__file__).resolve().parents[2] / "runbooks"
"""The folder that comes with Midwatch; it lies beside the packages, in a checkout and when installed."""

NOT_RUNBOOKS = frozenset({"readme", "index", "_index", "contributing"})
"""File names that runbook repositories use for something else."""

SIZE_LIMIT = 256 * 1024
"""Bytes. A runbook is read by a person; a larger file is something else that ended up in the folder."""

PARSED_KEPT = 2048
"""Files whose parsed form is kept; a few hundred runbooks in a few versions."""


@dataclass(frozen=True, kw_only=True)
class _Stamp:
    """What tells that a file changed."""

    changed_ns: int
    size: int


class RunbookFolders:
    """Folders in the order of precedence: a later one overrides. `library()` is cheap when nothing changed."""

    def __init__(self, folders: Sequence[Path] = (SHIPPED,)) -> None:
        """Nothing is read until `library()` is asked."""
        self.folders = tuple(folders)
        self._stamps: dict[Path, _Stamp] = {}
        self._parsed: dict[Path, Parsed] = {}
        self._good: dict[Path, Runbook] = {}
        self._missing: tuple[Problem, ...] = ()
        self._library = Library()
        self._read_once = False

    def library(self) -> Library:
        """The runbooks as they are now, last good versions in place of broken files."""
        if self._rescan() or not self._read_once:
            self._library = Library.of(self._good[path] for path in self._stamps if path in self._good)
            self._read_once = True
        return self._library

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong at the last reading, by file and line. A broken file says which version stands."""
        found = [problem for path in self._stamps for problem in self._parsed[path].problems]
        return (*self._missing, *found, *self._stale(), *self._duplicates())

    def _rescan(self) -> bool:
        seen = {path: _stamp(path) for folder in self.folders for path in _files(folder)}
        self._missing = tuple(_missing(folder) for folder in self.folders if not folder.is_dir())
        stamps = {path: stamp for path, stamp in seen.items() if stamp}
        changed = [path for path, stamp in stamps.items() if self._stamps.get(path) != stamp]
        gone = self._stamps.keys() - stamps.keys()
        for path in gone:
            self._parsed.pop(path, None)
            self._good.pop(path, None)
        for path in changed:
            self._read(path, stamps[path])
        self._stamps = stamps
        return bool(changed or gone)

    def _read(self, path: Path, stamp: _Stamp) -> None:
        parsed = _parse_file(path, stamp)
        self._parsed[path] = parsed
        if parsed.runbook:
            self._good[path] = parsed.runbook

    def _stale(self) -> list[Problem]:
        return [
            Problem(
                path=str(path),
                line=1,
                field="",
                severity=Severity.WARNING,
                message="the last version without errors is used until this is mended",
            )
            for path in self._stamps
            if self._parsed[path].runbook is None and path in self._good
        ]

    def _duplicates(self) -> list[Problem]:
        """Two files of one folder that teach the same cause: across folders that is an override, here a mistake."""
        first: dict[tuple[Path, str], Runbook] = {}
        found = []
        for path in self._stamps:
            runbook = self._good.get(path)
            if runbook is None or runbook.cause is None:
                continue
            folder = next(folder for folder in self.folders if path.is_relative_to(folder))
            other = first.setdefault((folder, runbook.cause.slug), runbook)
            if other is not runbook:
                found.append(_duplicate(runbook, other=other))
        return found


def _files(folder: Path) -> list[Path]:
    """Markdown below a folder by name; hidden folders and files that are no runbooks are left out."""
    found: list[Path] = []
    for place, inner, names in os.walk(folder):  # some times as fast as `rglob`: this is asked at every step
        inner[:] = [name for name in inner if not name.startswith(".")]
        found += [Path(place, name) for name in names if _is_runbook(name)]
    return sorted(found)


def _is_runbook(name: str) -> bool:
    return name.endswith(".md") and name[0] != "." and name.removesuffix(".md").lower() not in NOT_RUNBOOKS


def _stamp(path: Path) -> _Stamp | None:
    """None for what vanished between the listing and the look, and for what is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return _Stamp(changed_ns=status.st_mtime_ns, size=status.st_size) if stat.S_ISREG(status.st_mode) else None


@lru_cache(maxsize=PARSED_KEPT)
def _parse_file(path: Path, stamp: _Stamp) -> Parsed:  # noqa: ARG001 - a part of the key: what changed is read again
    """Kept for all who read the same folders in one process: hundreds of episodes of an eval do."""
    try:
        data = path.read_bytes()
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        return _unreadable(path, f"it cannot be read: {error}", instead="save it as UTF-8 text")
    if len(data) > SIZE_LIMIT:
        return _unreadable(path, f"it has {len(data)} bytes", instead=f"keep a runbook below {SIZE_LIMIT} bytes")
    return parse(text, path=str(path))


def _unreadable(path: Path, message: str, *, instead: str) -> Parsed:
    problem = Problem(path=str(path), line=1, field="", message=message, instead=instead)
    return Parsed(runbook=None, problems=(problem,))


def _missing(folder: Path) -> Problem:
    message, instead = "there is no such folder", "make it, or take it out of the settings"
    if folder.is_file():
        message, instead = "it is a file, and runbooks are read by the folder", f"name the folder: {folder.parent}"
    return Problem(path=str(folder), line=1, field="", message=message, instead=instead)


def _duplicate(runbook: Runbook, *, other: Runbook) -> Problem:
    slug = runbook.cause.slug if runbook.cause else ""
    return Problem(
        path=runbook.path,
        line=runbook.lines.get("cause", 1),
        field="cause",
        message=f"{slug} is already taught by {other.path}",
        instead="give one of them another name",
    )
