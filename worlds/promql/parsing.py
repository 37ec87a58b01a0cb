"""From text to promql-parser's syntax tree, and from its selectors to our matchers. Evaluation starts elsewhere."""

import re
from datetime import datetime, timedelta
from functools import lru_cache

import promql_parser as ast

from worlds.promql.errors import ParseError
from worlds.promql.storage import METRIC_NAME, Matcher, MatchOp

_OPERATORS = (  # pairs and not a dict: the parser's enums cannot be hashed
    (ast.MatchOp.Equal, MatchOp.EQUAL),
    (ast.MatchOp.NotEqual, MatchOp.NOT_EQUAL),
    (ast.MatchOp.Re, MatchOp.REGEX),
    (ast.MatchOp.NotRe, MatchOp.NOT_REGEX),
)
# The parser knows only the new name of this function, and most installed Prometheus servers only the old one.
_OLD_NAMES = (
    ast.Function(
        "holt_winters", [ast.ValueType.Matrix, ast.ValueType.Scalar, ast.ValueType.Scalar], ast.ValueType.Vector
    ),
)
ast.register_extra_functions(list(_OLD_NAMES))
_PARSED_QUERIES_KEPT = 1024  # a world asks the same rules and panels again and again


@lru_cache(maxsize=_PARSED_QUERIES_KEPT)
def parse(query: str) -> ast.Expr:
    """Parse and type-check a query. Raises ParseError."""
    try:
        return ast.parse(query)
    except ValueError as error:
        raise ParseError(f"1:1: parse error: {error}") from error


def matchers_of(selector: ast.VectorSelector) -> list[Matcher]:
    """Return the selector's matchers, the metric name among them. Raises ParseError."""
    if selector.matchers.or_matchers:
        raise ParseError('1:1: parse error: "or" between matchers is not PromQL; write two selectors joined by "or"')
    matchers = [_matcher(_operator(m.op), m.name, m.value) for m in selector.matchers.matchers]
    if selector.name is not None:
        matchers.insert(0, Matcher(name=METRIC_NAME, op=MatchOp.EQUAL, value=selector.name))
    return matchers


def selector_matchers(text: str) -> list[Matcher]:
    """Parse a series selector such as `up{job="api"}`. Raises ParseError."""
    expr = parse(text)
    if not isinstance(expr, ast.VectorSelector) or expr.offset is not None or expr.at is not None:
        raise ParseError(f"1:1: parse error: not a plain series selector: {text}")
    return matchers_of(expr)


def milliseconds(duration: timedelta) -> int:
    """Return a duration in whole milliseconds."""
    return round(duration / timedelta(milliseconds=1))


def instant_milliseconds(instant: datetime) -> int:
    """Return a point in time as unix milliseconds."""
    return round(instant.timestamp() * 1000)


def parse_duration(text: str) -> float:
    """Parse a Prometheus duration such as `1h30m` into seconds. Raises ParseError."""
    try:
        return float(ast.parse_duration(text).total_seconds())
    except ValueError as error:
        raise ParseError(f"not a valid duration string: {text!r}") from error


def _operator(parsed: ast.MatchOp) -> MatchOp:
    return next(ours for theirs, ours in _OPERATORS if theirs == parsed)


def _matcher(op: MatchOp, name: str, value: str) -> Matcher:
    try:
        return Matcher(name=name, op=op, value=value)
    except re.error as error:
        raise ParseError(f"1:1: parse error: error parsing regexp: {error}: `{value}`") from error
