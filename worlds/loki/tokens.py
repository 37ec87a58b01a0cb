"""LogQL cut into tokens, with their places for error messages."""

import ast as python_literals
import re
from dataclasses import dataclass
from enum import StrEnum

from worlds.loki.errors import LogQLError


class Kind(StrEnum):
    """What a token is."""

    STRING = "STRING"
    DURATION = "DURATION"
    BYTES = "BYTES"
    NUMBER = "NUMBER"
    IDENTIFIER = "IDENTIFIER"
    SYMBOL = "symbol"
    END = "$end"


@dataclass(frozen=True, kw_only=True)
class Token:
    """One token: `text` as written (strings unquoted), `at` its position in the query."""

    kind: Kind
    text: str
    at: int


_DURATION_UNITS = r"(?:ns|us|µs|ms|s|m|h|d|w|y)"
_TOKEN = re.compile(
    rf"""(?P<space>\s+|\#[^\n]*)
    |(?P<STRING>"(?:[^"\\]|\\.)*"|`[^`]*`)
    |(?P<DURATION>(?:\d+(?:\.\d+)?{_DURATION_UNITS})+(?![A-Za-z0-9_]))
    |(?P<BYTES>\d+(?:\.\d+)?(?:[KMGTPE]i?)?B(?![A-Za-z0-9_]))
    |(?P<NUMBER>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)
    |(?P<IDENTIFIER>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<symbol>\|=|\|~|!=|!~|=~|==|>=|<=|[-|>=<+*/%^(){{}}\[\],])""",
    re.VERBOSE,
)


def tokens_of(query: str) -> list[Token]:
    """Cut a query into tokens, with one END token last. Raises LogQLError."""
    tokens: list[Token] = []
    position = 0
    while position < len(query):
        match = _TOKEN.match(query, position)
        if match is None or match.lastgroup is None:
            raise unexpected(query, position, f"unexpected {query[position]!r}")
        if match.lastgroup != "space":
            kind = Kind(match.lastgroup)
            text = _unquoted(match.group()) if kind is Kind.STRING else match.group()
            tokens.append(Token(kind=kind, text=text, at=position))
        position = match.end()
    return [*tokens, Token(kind=Kind.END, text="", at=len(query))]


def unexpected(query: str, position: int, what: str) -> LogQLError:
    """Return the error for something at a place, worded as Loki does."""
    line = query.count("\n", 0, position) + 1
    column = position - (query.rfind("\n", 0, position) + 1) + 1
    return LogQLError(f"parse error at line {line}, col {column}: syntax error: {what}")


def _unquoted(text: str) -> str:
    return text[1:-1] if text.startswith("`") else str(python_literals.literal_eval(text.replace("\n", "\\n")))
