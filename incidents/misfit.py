"""What is wrong with a field that people wrote: missing, misspelt, of another kind, and what to write instead.

Pure: where it stands (file, line, variable) is known to whoever read it. Values are never repeated; some are secrets.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

Location = tuple[int | str, ...]
Misfit = Mapping[str, Any]
"""One of pydantic's errors: its `type`, `loc`, `msg`, and `ctx` with what was expected."""

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
    "literal_error": "write {expected}",
    "greater_than": "write more than {gt}",
    "greater_than_equal": "write at least {ge}",
    "less_than": "write less than {lt}",
    "less_than_equal": "write at most {le}",
    "too_short": "write at least {min_length}; characters, or entries of a list",
    "string_too_short": "write at least {min_length} characters",
}
"""What to write, by pydantic's kind of error."""


def misfits(error: ValidationError) -> Sequence[Misfit]:
    """All that is wrong; misspelt fields first, because they are why others are missing."""
    found = error.errors(include_url=False, include_input=False)
    return sorted(found, key=lambda one: one["type"] != "extra_forbidden")


def told(found: Misfit, model: type[BaseModel]) -> str:
    """What is wrong with one field of the model, and what to write."""
    if found["type"] == "extra_forbidden":
        return _no_such_field(found["loc"], model)
    if (said := _SAID.get(found["type"])) is not None:
        return said.format_map(found.get("ctx", {}))
    return str(found["msg"]).removeprefix("Value error, ")


def _no_such_field(location: Location, model: type[BaseModel]) -> str:
    known = sorted(_fields(model, location[:-1]))
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
