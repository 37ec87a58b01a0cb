"""Says what is wrong with settings: where it stands (line of the file, or variable), what, and what to write instead.

Values are never repeated: some of them are secrets.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from orchestrator.policy.lines import Lines

Location = tuple[int | str, ...]
PREFIX = "MIDWATCH_"

_SAID = {
    "missing": "is missing",
    "int_parsing": "write a whole number",
    "float_parsing": "write a number",
    "bool_parsing": "write true or false",
    "string_type": "write text, in quotes where YAML would read something else",
    "tuple_type": "write a list",
    "dict_type": "write a map: `key: value` in the file, JSON in a variable",
    "model_type": "write a group of fields: `key: value` lines in the file, whole JSON in a variable",
    "model_attributes_type": "write a group of fields: `key: value` lines in the file, whole JSON in a variable",
    "enum": "write {expected}",
    "greater_than": "write more than {gt}",
    "greater_than_equal": "write at least {ge}",
    "less_than": "write less than {lt}",
    "less_than_equal": "write at most {le}",
    "too_short": "write at least {min_length}; characters, or entries of a list",
    "string_too_short": "write at least {min_length} characters",
}
"""What to write, by pydantic's kind of error."""


def objections(error: ValidationError, *, settings: type[BaseModel], file: Path | None) -> list[str]:
    """One line for each thing that is wrong, in the order in which pydantic found them."""
    lines = _lines_of(file)
    return [f"{_where(found['loc'], lines)}: {_what(found, settings)}" for found in _errors(error)]


def unreadable(file: Path, error: yaml.YAMLError) -> str:
    """A settings file that is no YAML: the line, and what usually is wrong."""
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    why = getattr(error, "problem", None) or "it cannot be parsed"
    return (
        f'{file}{line}: it is no YAML ({why}): look at indentation and brackets; text with ": " or "#" stands in quotes'
    )


def _errors(error: ValidationError) -> Iterator[Mapping[str, Any]]:
    yield from error.errors(include_url=False, include_input=False)


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


def _what(found: Mapping[str, Any], settings: type[BaseModel]) -> str:
    if found["type"] == "extra_forbidden":
        return _no_such_field(found["loc"], settings)
    if (said := _SAID.get(found["type"])) is not None:
        return said.format_map({**found.get("ctx", {})})
    return str(found["msg"]).removeprefix("Value error, ")


def _no_such_field(location: Location, settings: type[BaseModel]) -> str:
    known = sorted(_fields(settings, location[:-1]))
    near = difflib.get_close_matches(str(location[-1]), known, n=1)
    if near:
        return f"there is no such field; {near[0]}?"
    return f"there is no such field; known are {', '.join(known)}" if known else "there is no such field"


def _fields(model: type[BaseModel], location: Location) -> set[str]:
    """Names of the fields of the group at a location; nothing when it leads to no group."""
    groups = {model}
    for part in location:
        if isinstance(part, int):
            continue
        groups = {
            inner for one in groups if part in one.model_fields for inner in _groups(one.model_fields[part].annotation)
        }
    return {name for one in groups for name in one.model_fields}


def _groups(annotation: Any) -> Iterator[type[BaseModel]]:
    """Groups of fields within a type: `tuple[Token, ...]` holds Token."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _groups(inner)
