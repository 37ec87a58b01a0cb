"""Label and field selectors, as query parameters and as the `selector` of an object."""

import re
from collections.abc import Mapping
from typing import Any

from worlds.objects.kinds import JsonObject

_SET = re.compile(r"^\s*([\w./-]+)\s+(in|notin)\s+\(([^)]*)\)\s*$")
_EQUALS = re.compile(r"^\s*([\w./-]+)\s*(==|=|!=)\s*([\w.:/-]*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([\w./-]+)\s*$")


class SelectorError(ValueError):
    """The selector cannot be read: use key=value, key!=value, key in (a,b), key notin (a,b), key or !key."""


def split_terms(text: str) -> list[str]:
    """Split a selector at its commas, but not at those inside parentheses."""
    return [term for term in re.split(r",(?![^(]*\))", text) if term.strip()]


def matches_labels(text: str, labels: Mapping[str, str]) -> bool:
    """Say whether labels pass a `labelSelector`. Raises SelectorError."""
    return all(_term_matches(term, labels) for term in split_terms(text))


def _term_matches(term: str, labels: Mapping[str, str]) -> bool:
    if found := _SET.match(term):
        key, verb, raw = found.groups()
        values = {value.strip() for value in raw.split(",")}
        return (key in labels and labels[key] in values) if verb == "in" else labels.get(key) not in values
    if found := _EQUALS.match(term):
        key, verb, value = found.groups()
        return labels.get(key) != value if verb == "!=" else labels.get(key) == value
    if found := _EXISTS.match(term):
        return (found[2] in labels) != bool(found[1])
    raise SelectorError(f"unable to parse requirement: {term!r}")


def matches_fields(text: str, obj: JsonObject) -> bool:
    """Say whether an object passes a `fieldSelector` (dotted paths, = and !=). Raises SelectorError."""
    for term in split_terms(text):
        found = _EQUALS.match(term)
        if found is None:
            raise SelectorError(f"invalid field selector: {term!r}")
        path, verb, value = found.groups()
        actual = at_path(obj, path)
        if (str(actual if actual is not None else "") == value) == (verb == "!="):
            return False
    return True


def at_path(obj: JsonObject, path: str) -> Any:
    """Return the value at a dotted path or None."""
    here: Any = obj
    for part in path.split("."):
        if not isinstance(here, dict):
            return None
        here = here.get(part)
    return here


def selects(selector: JsonObject | None, labels: Mapping[str, str]) -> bool:
    """Say whether an object's `selector` (matchLabels and matchExpressions) selects these labels."""
    if not selector:
        return False
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(_expression_matches(expression, labels) for expression in selector.get("matchExpressions", []))


def _expression_matches(expression: JsonObject, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values", [])
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "Gt":
            return key in labels and int(labels[key]) > int(values[0])
        case "Lt":
            return key in labels and int(labels[key]) < int(values[0])
        case other:
            raise SelectorError(f"{other!r} is not a selector operator")
