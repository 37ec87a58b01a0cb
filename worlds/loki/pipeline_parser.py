"""The grammar of log queries: the stream selector and the stages of the pipeline."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from worlds.loki import extraction
from worlds.loki.conditions import NUMERIC_OPERATORS, Condition, Junction, NumberCondition, TextCondition
from worlds.loki.cursor import Cursor
from worlds.loki.errors import LogQLError
from worlds.loki.stages import Decolorize, DropLabels, LabelFilter, LabelFormat, LineFormat, Parser, Stage, line_filter
from worlds.loki.syntax import LogQuery
from worlds.loki.tokens import Kind
from worlds.loki.units import bytes_of, seconds_of
from worlds.promql.storage import Matcher, MatchOp

_LINE_FILTERS = ("|=", "|~", "!=", "!~")
_CONVERSIONS = ("duration", "duration_seconds", "bytes")


@dataclass(frozen=True, kw_only=True)
class RangedQuery:
    """A log query, and the range if it stood between selector and pipeline (nanoseconds)."""

    query: LogQuery
    range_ns: int | None


def selector(cursor: Cursor) -> tuple[Matcher, ...]:
    """Take `{a="b", c=~"d"}`. Raises LogQLError, also when it would match everything."""
    cursor.expect("{")
    matchers: list[Matcher] = []
    while not cursor.skip("}"):
        matchers.append(cursor.matcher(cursor.expect_kind(Kind.IDENTIFIER)))
        if not cursor.at_symbol("}"):
            cursor.expect(",")
    if all(one.matches("") for one in matchers):
        raise cursor.error(
            "queries require at least one regexp or equality matcher that does not have an empty-compatible value. "
            'For instance, app=~".*" does not meet this requirement, but app=~".+" will'
        )
    return tuple(matchers)


def log_query(cursor: Cursor) -> LogQuery:
    """Take a whole log query."""
    return ranged_query(cursor, may_have_range=False).query


def ranged_query(cursor: Cursor, *, may_have_range: bool) -> RangedQuery:
    """Take a log query; its range may stand in front of the pipeline."""
    matchers = selector(cursor)
    range_ns = take_range(cursor) if may_have_range and cursor.at_symbol("[") else None
    stages: list[Stage] = []
    unwrap, conversion = "", ""
    while cursor.at_symbol("|", *_LINE_FILTERS):
        if cursor.at_symbol(*_LINE_FILTERS):
            stages.append(_line_filter(cursor))
        elif cursor.after().text == "unwrap":
            unwrap, conversion = _unwrap(cursor)
        else:
            cursor.take()
            stages.append(_stage(cursor))
    query = LogQuery(matchers=matchers, stages=tuple(stages), unwrap=unwrap, conversion=conversion)
    return RangedQuery(query=query, range_ns=range_ns)


def take_range(cursor: Cursor) -> int:
    """Take `[5m]` and return nanoseconds."""
    cursor.expect("[")
    nanoseconds = take_nanoseconds(cursor)
    cursor.expect("]")
    return nanoseconds


def take_nanoseconds(cursor: Cursor) -> int:
    """Take a duration, with an optional sign, and return nanoseconds."""
    sign = -1 if cursor.skip("-") else 1
    return sign * round(seconds_of(cursor.expect_kind(Kind.DURATION)) * 1e9)


def _line_filter(cursor: Cursor) -> Stage:
    operator = cursor.take().text
    texts = [cursor.expect_kind(Kind.STRING)]
    while cursor.skip("or"):
        texts.append(cursor.expect_kind(Kind.STRING))
    try:
        return line_filter(operator, tuple(texts))
    except re.error as error:
        raise cursor.error(f"error parsing regexp: {error}: `{texts[-1]}`") from error


def _unwrap(cursor: Cursor) -> tuple[str, str]:
    cursor.expect("|")
    cursor.expect("unwrap")
    name = cursor.expect_kind(Kind.IDENTIFIER)
    if name not in _CONVERSIONS or not cursor.skip("("):
        return name, ""
    label = cursor.expect_kind(Kind.IDENTIFIER)
    cursor.expect(")")
    return label, name


def _stage(cursor: Cursor) -> Stage:
    word = cursor.token.text if cursor.token.kind is Kind.IDENTIFIER else ""
    is_filter = cursor.after().kind is Kind.SYMBOL and cursor.after().text in (*NUMERIC_OPERATORS, *MatchOp)
    if word in _STAGES and not is_filter:
        cursor.take()
        return _STAGES[word](cursor)
    return LabelFilter(condition=_any_of(cursor))


def _json(cursor: Cursor) -> Stage:
    fields: list[tuple[str, str]] = []
    while cursor.token.kind is Kind.IDENTIFIER:
        name = cursor.take().text
        fields.append((name, cursor.expect_kind(Kind.STRING) if cursor.skip("=") else name))
        if not cursor.skip(","):
            break
    if not fields:
        return Parser(read=extraction.read_json, failure="JSONParserErr")
    return Parser(read=partial(extraction.read_json_fields, fields=tuple(fields)), failure="JSONParserErr")


def _logfmt(cursor: Cursor) -> Stage:
    del cursor
    return Parser(read=extraction.read_logfmt, failure="LogfmtParserErr")


def _regexp(cursor: Cursor) -> Stage:
    text = cursor.expect_kind(Kind.STRING)
    try:
        pattern = re.compile(text, re.DOTALL)
    except re.error as error:
        raise cursor.error(f"error parsing regexp: {error}: `{text}`") from error
    if not pattern.groupindex:
        raise LogQLError("parse error : at least one named capture must be supplied")
    return Parser(read=partial(extraction.read_regex, pattern=pattern), failure="RegexpParserErr")


def _pattern(cursor: Cursor) -> Stage:
    try:
        pattern = extraction.pattern_regex(cursor.expect_kind(Kind.STRING))
    except ValueError as error:
        raise cursor.error(str(error)) from error
    return Parser(read=partial(extraction.read_regex, pattern=pattern), failure="PatternParserErr")


def _line_format(cursor: Cursor) -> Stage:
    return LineFormat(template=cursor.expect_kind(Kind.STRING))


def _label_format(cursor: Cursor) -> Stage:
    renames: list[tuple[str, str]] = []
    templates: list[tuple[str, str]] = []
    while True:
        name = cursor.expect_kind(Kind.IDENTIFIER)
        cursor.expect("=")
        if cursor.token.kind is Kind.STRING:
            templates.append((name, cursor.take().text))
        else:
            renames.append((name, cursor.expect_kind(Kind.IDENTIFIER)))
        if not cursor.skip(","):
            return LabelFormat(renames=tuple(renames), templates=tuple(templates))


def _dropping(*, keep: bool) -> Callable[[Cursor], Stage]:
    def stage(cursor: Cursor) -> Stage:
        names = [cursor.expect_kind(Kind.IDENTIFIER)]
        while cursor.skip(","):
            names.append(cursor.expect_kind(Kind.IDENTIFIER))
        return DropLabels(names=tuple(names), keep=keep)

    return stage


def _decolorize(cursor: Cursor) -> Stage:
    del cursor
    return Decolorize()


_STAGES: Mapping[str, Callable[[Cursor], Stage]] = {
    "json": _json,
    "logfmt": _logfmt,
    "regexp": _regexp,
    "pattern": _pattern,
    "line_format": _line_format,
    "label_format": _label_format,
    "drop": _dropping(keep=False),
    "keep": _dropping(keep=True),
    "decolorize": _decolorize,
}


def _any_of(cursor: Cursor) -> Condition:
    left = _all_of(cursor)
    while cursor.skip("or"):
        left = Junction(left=left, right=_all_of(cursor), both=False)
    return left


def _all_of(cursor: Cursor) -> Condition:
    left = _condition(cursor)
    while cursor.skip("and") or cursor.skip(",") or (cursor.token.kind is Kind.IDENTIFIER and not cursor.at_word("or")):
        left = Junction(left=left, right=_condition(cursor), both=True)
    return left


def _condition(cursor: Cursor) -> Condition:
    if cursor.skip("("):
        inner = _any_of(cursor)
        cursor.expect(")")
        return inner
    name = cursor.expect_kind(Kind.IDENTIFIER)
    if cursor.after().kind is Kind.STRING:
        return TextCondition(matcher=cursor.matcher(name))
    if not cursor.at_symbol(*NUMERIC_OPERATORS):
        raise cursor.unexpected()
    operator = cursor.take().text
    value = cursor.take()
    readers: Mapping[Kind, Callable[[str], float]] = {
        Kind.NUMBER: float,
        Kind.DURATION: seconds_of,
        Kind.BYTES: bytes_of,
    }
    if value.kind not in readers:
        raise cursor.error(f"a number, duration, size or string is needed behind {name} {operator}")
    read = readers[value.kind]
    return NumberCondition(name=name, operator=operator, value=read(value.text), read=read)
