"""The grammar of LogQL: metric queries here, the selector and pipeline of log queries in `pipeline_parser`."""

from worlds.loki.cursor import Cursor
from worlds.loki.errors import LogQLError
from worlds.loki.pipeline_parser import log_query, ranged_query, selector, take_nanoseconds, take_range
from worlds.loki.syntax import (
    Binary,
    LabelReplace,
    LogQuery,
    Metric,
    Number,
    Query,
    RangeAggregation,
    VectorAggregation,
)
from worlds.loki.tokens import Kind
from worlds.promql.matching import Matching
from worlds.promql.storage import Matcher

RANGE_FUNCTIONS = frozenset(
    {
        *("rate", "count_over_time", "bytes_rate", "bytes_over_time", "absent_over_time", "sum_over_time"),
        *("avg_over_time", "min_over_time", "max_over_time", "first_over_time", "last_over_time"),
        *("stddev_over_time", "stdvar_over_time", "quantile_over_time", "rate_counter"),
    }
)
UNWRAPPED_ONLY = RANGE_FUNCTIONS - {"rate", "count_over_time", "bytes_rate", "bytes_over_time", "absent_over_time"}
VECTOR_OPERATORS = frozenset(
    {"sum", "avg", "min", "max", "count", "stddev", "stdvar", "topk", "bottomk", "sort", "sort_desc"}
)
_WITH_PARAMETER = frozenset({"topk", "bottomk"})
# From weak to strong; `^` binds to the right.
_PRECEDENCE = (
    frozenset({"or"}),
    frozenset({"and", "unless"}),
    frozenset({"==", "!=", ">", ">=", "<", "<="}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)


def parse(query: str) -> Query:
    """Parse a log or metric query. Raises LogQLError."""
    cursor = Cursor(query)
    if cursor.at_symbol("{"):
        parsed: Query = log_query(cursor)
    else:
        parsed = _binary(cursor, 0)
    if cursor.token.kind is not Kind.END:
        raise cursor.unexpected()
    return parsed


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """Parse a bare stream selector. Raises LogQLError."""
    cursor = Cursor(text)
    matchers = selector(cursor)
    if cursor.token.kind is not Kind.END:
        raise cursor.unexpected()
    return matchers


def _binary(cursor: Cursor, level: int) -> Metric:
    if level == len(_PRECEDENCE):
        return _power(cursor)
    left = _binary(cursor, level + 1)
    while cursor.token.text in _PRECEDENCE[level] and cursor.token.kind in (Kind.SYMBOL, Kind.IDENTIFIER):
        operator = cursor.take().text
        as_bool = cursor.skip("bool")
        matching = _matching(cursor)
        right = _binary(cursor, level + 1)
        left = Binary(operator=operator, left=left, right=right, matching=matching, as_bool=as_bool)
    return left


def _power(cursor: Cursor) -> Metric:
    base = _operand(cursor)
    if not cursor.skip("^"):
        return base
    matching = _matching(cursor)
    return Binary(operator="^", left=base, right=_power(cursor), matching=matching, as_bool=False)


def _matching(cursor: Cursor) -> Matching:
    if not cursor.at_word("on", "ignoring"):
        return Matching(on=False, names=())
    on = cursor.take().text == "on"
    names = cursor.names()
    if not cursor.at_word("group_left", "group_right"):
        return Matching(on=on, names=names)
    many = cursor.take().text.removeprefix("group_")
    include = cursor.names() if cursor.at_symbol("(") else ()
    return Matching(on=on, names=names, many=many, include=include)


def _operand(cursor: Cursor) -> Metric:
    token = cursor.token
    if cursor.skip("("):
        inner = _binary(cursor, 0)
        cursor.expect(")")
        return inner
    if token.kind is Kind.NUMBER or cursor.at_symbol("-"):
        return Number(value=cursor.number())
    if token.kind is Kind.IDENTIFIER:
        if token.text in RANGE_FUNCTIONS:
            return _range_aggregation(cursor)
        if token.text in VECTOR_OPERATORS:
            return _vector_aggregation(cursor)
        if token.text == "label_replace":
            return _label_replace(cursor)
        if token.text == "vector":
            return _vector(cursor)
    raise cursor.unexpected()


def _range_aggregation(cursor: Cursor) -> RangeAggregation:
    function = cursor.take().text
    cursor.expect("(")
    parameter = None
    if function == "quantile_over_time":
        parameter = cursor.number()
        cursor.expect(",")
    query, range_ns, offset_ns = _ranged(cursor)
    cursor.expect(")")
    by, without = _range_grouping(cursor)
    if function in UNWRAPPED_ONLY and not query.unwrap:
        raise LogQLError(f"parse error : invalid aggregation {function} without unwrap")
    if function in ("count_over_time", "bytes_rate", "bytes_over_time") and query.unwrap:
        raise LogQLError(f"parse error : invalid aggregation {function} with unwrap")
    return RangeAggregation(
        function=function,
        query=query,
        range_ns=range_ns,
        offset_ns=offset_ns,
        parameter=parameter,
        by=by,
        without=without,
    )


def _range_grouping(cursor: Cursor) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    if cursor.skip("by"):
        return cursor.names(), None
    if cursor.skip("without"):
        return None, cursor.names()
    return None, None


def _ranged(cursor: Cursor) -> tuple[LogQuery, int, int]:
    """Take `{...} | stages [5m]`, where the range may also stand right behind the selector."""
    if cursor.skip("("):
        inner = _ranged(cursor)
        cursor.expect(")")
        return inner
    ranged = ranged_query(cursor, may_have_range=True)
    range_ns = take_range(cursor) if ranged.range_ns is None else ranged.range_ns
    offset_ns = take_nanoseconds(cursor) if cursor.skip("offset") else 0
    return ranged.query, range_ns, offset_ns


def _vector_aggregation(cursor: Cursor) -> VectorAggregation:
    operator = cursor.take().text
    clause = _clause(cursor)
    cursor.expect("(")
    parameter = None
    if operator in _WITH_PARAMETER:
        parameter = cursor.number()
        cursor.expect(",")
    operand = _binary(cursor, 0)
    cursor.expect(")")
    by, names = clause or _clause(cursor) or (True, ())
    return VectorAggregation(operator=operator, operand=operand, by=by, names=names, parameter=parameter)


def _clause(cursor: Cursor) -> tuple[bool, tuple[str, ...]] | None:
    if not cursor.at_word("by", "without"):
        return None
    by = cursor.take().text == "by"
    return by, cursor.names()


def _label_replace(cursor: Cursor) -> LabelReplace:
    cursor.take()
    cursor.expect("(")
    operand = _binary(cursor, 0)
    strings: list[str] = []
    for _ in range(4):
        cursor.expect(",")
        strings.append(cursor.expect_kind(Kind.STRING))
    cursor.expect(")")
    return LabelReplace(operand=operand, strings=tuple(strings))


def _vector(cursor: Cursor) -> Number:
    cursor.take()
    cursor.expect("(")
    value = cursor.number()
    cursor.expect(")")
    return Number(value=value, as_vector=True)
