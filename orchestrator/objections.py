"""Says what is wrong with settings: where it stands (line of the file, or variable), what, and what to write instead.

Values are never repeated: some of them are secrets.
"""

import os
from pathlib import Path

import yaml
from pydantic import BaseModel, ValidationError

from incidents.misfit import Location, misfits, told
from orchestrator.policy.lines import Lines

PREFIX = "MIDWATCH_"


def objections(error: ValidationError, *, settings: type[BaseModel], file: Path | None) -> list[str]:
    """One line for each thing that is wrong, misspelt fields first."""
    lines = _lines_of(file)
    return [f"{_where(found['loc'], lines)}: {told(found, settings)}" for found in misfits(error)]


def _lines_of(file: Path | None) -> Lines | None:
    try:
        return Lines(file.read_text(encoding="utf-8"), source=str(file)) if file else None
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None


def _where(location: Location, lines: Lines | None) -> str:
    """The way in which it was written: as a variable when there is one (it wins), else the line of the file."""
    path = ".".join(str(part) for part in location) or "settings"
    name = _variable(location)
    if any(given == name or given.startswith(f"{name}__") or name.startswith(f"{given}__") for given in os.environ):
        return f"{path} ({name})"
    if lines and (line := lines.of(location)) != lines.source:
        return f"{line}: {path}"
    return f"{path} ({name})" if location else path


def _variable(location: Location) -> str:
    """The variable that holds it: entries of a list have none of their own."""
    names: list[str] = []
    for part in location:
        if isinstance(part, int):
            break
        names.append(part.upper())
    return PREFIX + "__".join(names)
