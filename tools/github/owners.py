"""Reads CODEOWNERS: patterns and their owners, and who owns a path. Pure; the syntax is GitHub's."""

import re
from collections.abc import Sequence

from incidents.value import Value

MOST_RULES = 500


class OwnerRule(Value):
    """One line: whoever matches `pattern` belongs to `owners` (`@org/team`, `@user`, an e-mail address)."""

    pattern: str
    owners: tuple[str, ...] = ()


def rules_of(text: str) -> tuple[OwnerRule, ...]:
    """The rules in their order; comments and empty lines are none."""
    lines = (line.split("#", 1)[0].split() for line in text.splitlines())
    found = (OwnerRule(pattern=parts[0], owners=tuple(parts[1:])) for parts in lines if parts)
    return tuple(found)[:MOST_RULES]


def owners_of(path: str, rules: Sequence[OwnerRule]) -> tuple[str, ...]:
    """Owners of a file or folder of the repository: those of the last rule that matches it."""
    matching = (rule.owners for rule in reversed(rules) if _matches(rule.pattern, path.strip("/")))
    return next(matching, ())


def _matches(pattern: str, path: str) -> bool:
    """Whether a pattern covers a path: anchored when it has a slash before its end, else at any depth."""
    bare = pattern.strip("/")
    anchored = "/" in pattern.rstrip("/")
    start = "" if anchored else "(?:.*/)?"
    return re.fullmatch(f"{start}{_written(bare.split('/'))}(?:/.*)?", path) is not None


def _written(parts: Sequence[str]) -> str:
    """`**` is any number of folders, at the end everything below."""
    *folders, last = parts
    before = "".join("(?:[^/]+/)*" if part == "**" else f"{_part(part)}/" for part in folders)
    return before + (".*" if last == "**" else _part(last))


def _part(part: str) -> str:
    return "".join("[^/]*" if sign == "*" else "[^/]" if sign == "?" else re.escape(sign) for sign in part)
