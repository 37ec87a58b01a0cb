"""What clients post to Alertmanager's v2 API, and the errors they get when it is not right.

Alertmanager has three kinds of error answer, kept apart here as there: a bare JSON string from its own code, `{code,
message}` from the generated validation (422), and the same from reading the body (400, 415).
"""

import re
from datetime import UTC, datetime, timedelta
from re import fullmatch

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from worlds.alertmanager.alert import PostedAlert
from worlds.alertmanager.silence import SilenceError, SilenceRequest
from worlds.promql.storage import Matcher, MatchOp

_LABEL_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*"
_MISSING, _TOO_FEW = 602, 612  # go-openapi's codes


class RequestError(Exception):
    """The request is refused; `body` is the answer's JSON."""

    def __init__(self, status: int, body: str | dict[str, int | str]) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=False)


class AlertWire(_Wire):
    """One element of POST /api/v2/alerts."""

    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: AwareDatetime | None = Field(default=None, alias="startsAt")
    ends_at: AwareDatetime | None = Field(default=None, alias="endsAt")
    generator_url: str = Field(default="", alias="generatorURL")

    def posted(self, *, now: datetime, resolve_timeout: timedelta) -> PostedAlert:
        """Fill in what was left out. Raises RequestError for labels or times that cannot be."""
        labels = {name: value for name, value in self.labels.items() if value}
        if not labels:
            raise RequestError(400, "at least one label pair required")
        for kind, names in (("label set", labels), ("annotations", self.annotations)):
            for name in names:
                if not fullmatch(_LABEL_NAME, name):
                    raise RequestError(400, f'invalid {kind}: invalid name "{name}"')
        starts_at = self.starts_at or self.ends_at or now
        ends_at = self.ends_at or now + resolve_timeout
        if starts_at > ends_at:
            raise RequestError(400, "start time must be before end time")
        return PostedAlert(
            labels=labels,
            annotations=self.annotations,
            starts_at=starts_at.astimezone(UTC),
            ends_at=ends_at.astimezone(UTC),
            generator_url=self.generator_url,
        )


class MatcherWire(_Wire):
    """A matcher of a silence."""

    name: str
    value: str
    is_regex: bool = Field(alias="isRegex")
    is_equal: bool = Field(default=True, alias="isEqual")

    def matcher(self, index: int) -> Matcher:
        """Return the matcher. Raises SilenceError with Alertmanager's words."""
        if not fullmatch(_LABEL_NAME, self.name):
            raise SilenceError(f'silence invalid: invalid label matcher {index}: invalid label name "{self.name}"')
        plain = MatchOp.EQUAL if self.is_equal else MatchOp.NOT_EQUAL
        regex = MatchOp.REGEX if self.is_equal else MatchOp.NOT_REGEX
        try:
            return Matcher(name=self.name, op=regex if self.is_regex else plain, value=self.value)
        except re.error as error:
            raise SilenceError(
                f'silence invalid: invalid label matcher {index}: invalid regular expression "{self.value}": '
                f"error parsing regexp: {error}"
            ) from error


class SilenceWire(_Wire):
    """The body of POST /api/v2/silences."""

    id: str = ""
    matchers: list[MatcherWire]
    starts_at: AwareDatetime = Field(alias="startsAt")
    ends_at: AwareDatetime = Field(alias="endsAt")
    created_by: str = Field(alias="createdBy")
    comment: str

    def request(self) -> SilenceRequest:
        """Return what is asked for. Raises SilenceError."""
        return SilenceRequest(
            id=self.id,
            matchers=tuple(one.matcher(index) for index, one in enumerate(self.matchers)),
            starts_at=self.starts_at.astimezone(UTC),
            ends_at=self.ends_at.astimezone(UTC),
            created_by=self.created_by,
            comment=self.comment,
        )


_ALERTS = TypeAdapter(list[AlertWire])
_SILENCE = TypeAdapter(SilenceWire)


def read_alerts(body: bytes) -> list[AlertWire]:
    """Read the body of POST /api/v2/alerts. Raises RequestError."""
    try:
        return _ALERTS.validate_json(body)
    except ValidationError as error:
        raise _refusal(error, what="alerts") from error


def read_silence(body: bytes) -> SilenceWire:
    """Read the body of POST /api/v2/silences. Raises RequestError."""
    try:
        silence = _SILENCE.validate_json(body)
    except ValidationError as error:
        raise _refusal(error, what="silence") from error
    if not silence.matchers:
        raise RequestError(422, {"code": _TOO_FEW, "message": "matchers in body should have at least 1 items"})
    return silence


def _refusal(error: ValidationError, *, what: str) -> RequestError:
    problems = error.errors(include_url=False, include_context=False)
    for problem in sorted(problems, key=lambda one: str(one["loc"])):
        if problem["type"] == "missing":
            place = ".".join(str(part) for part in problem["loc"])
            return RequestError(422, {"code": _MISSING, "message": f"{place} in body is required"})
    place = ".".join(str(part) for part in problems[0]["loc"])
    reason = f"{place}: {problems[0]['msg']}" if place else problems[0]["msg"]
    return RequestError(400, {"code": 400, "message": f'parsing {what} body from "" failed, because {reason}'})
