"""Alertmanager's notation for matchers, `severity="critical"` or `team=~"a|b"`, in routes, silences and API filters."""

import re

from worlds.promql.storage import Matcher, MatchOp

_MATCHER = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|!=|!~|=)\s*(.*?)\s*", re.DOTALL)


class MatcherFormatError(ValueError):
    """The text is not a matcher; write `name="value"`, with =, !=, =~ or !~."""


def parse_matcher(text: str) -> Matcher:
    """Parse one matcher; the value may be quoted or bare. Raises MatcherFormatError with Alertmanager's words."""
    match = _MATCHER.fullmatch(text)
    if match is None:
        raise MatcherFormatError(f"bad matcher format: {text}")
    name, operator, value = match.groups()
    if value.startswith('"') != (value.endswith('"') and len(value) > 1):
        raise MatcherFormatError(f"matcher value contains unescaped double quote: {value}")
    if value.startswith('"'):
        value = re.sub(r"\\(.)", lambda escaped: {"n": "\n"}.get(escaped[1], escaped[1]), value[1:-1])
    try:
        return Matcher(name=name, op=MatchOp(operator), value=value)
    except re.error as error:
        raise MatcherFormatError(f"error parsing regexp: {error}: `^(?:{value})$`") from error


def render_matchers(matchers: tuple[Matcher, ...]) -> str:
    """Write matchers as they appear in a group key: `{a="b",c=~"d"}`."""
    return "{" + ",".join(str(one) for one in matchers) + "}"
