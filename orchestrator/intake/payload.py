"""What Alertmanager sends, as models: webhook version 4, and the alerts of its v2 API. Unknown fields are ignored.

The envelope has to be right; an alert that is not is set aside (`RejectedAlert`) without losing the others.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from incidents.alert import NOT_ENDED_YEAR, Alert, AlertStatus, Delivery, RejectedAlert
from incidents.canonical import digest_of
from incidents.ids import Fingerprint
from incidents.redaction import redact
from orchestrator.intake.errors import FieldError, Malformed
from orchestrator.intake.fingerprint import fingerprint_of
from orchestrator.store.columns import storable

MAX_LABELS = 256
"""Labels or annotations of one alert; Prometheus itself keeps series below 100 or so."""
MAX_TEXT = 16 * 1024
"""Characters of one value; longer annotations are cut and flagged."""
MAX_DEPTH = 16
"""Lists and objects in one another; Alertmanager's notifications have four levels."""
MAX_COUNT = 2**31 - 1
"""What the database counts to; Alertmanager's own counter is larger."""
MAX_RAW = 4 * 1024
"""Characters of a rejected alert that are kept."""
FUTURE = timedelta(minutes=10)
"""Clocks differ by seconds; an alert that starts later than this has a wrong clock."""
OLDEST_YEAR = 2000
"""Before Prometheus; year 1 is Go's zero time."""
_V2_STATES = {"active": "firing", "suppressed": "firing", "unprocessed": "firing"}
_MAY_BE_UNSTORABLE = re.compile(rb"\x00|\\u(?:0000|[dD][89a-fA-F])")
"""JSON in UTF-8 writes them as escapes only; a NUL byte says that it is another encoding."""
_FINGERPRINT = re.compile(r"[0-9a-f]{1,16}")


def _text(value: object) -> object:
    """Label values are strings; YAML-made notifications of other senders hold numbers and booleans."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_text)]
Bounded = Annotated[str, AfterValidator(lambda text: text[:MAX_TEXT])]
Labels = dict[str, Text]


def _short_enough(key: str) -> str:
    """A group's key stays its own when it is cut: it stands beside every alert of the group."""
    return key if len(key) <= MAX_TEXT else f"{key[:MAX_TEXT]}... {digest_of(key)}"


def _or_empty(value: object) -> object:
    return {} if value is None else value


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class AlertModel(_Lenient):
    """One alert of a notification, or of `GET /api/v2/alerts` (whose status is an object)."""

    status: str
    labels: Annotated[Labels, Field(min_length=1, max_length=MAX_LABELS)]
    annotations: Annotated[Labels, BeforeValidator(_or_empty), Field(max_length=MAX_LABELS)] = {}
    startsAt: str  # noqa: N815 - Alertmanager's name
    endsAt: str | None = None  # noqa: N815 - Alertmanager's name
    generatorURL: str = ""  # noqa: N815 - Alertmanager's name
    fingerprint: str = ""


class Notification(_Lenient):
    """The envelope of a webhook, version 4."""

    version: Annotated[str, BeforeValidator(_text)] = "4"
    groupKey: Annotated[str, AfterValidator(_short_enough)]  # noqa: N815 - Alertmanager's name
    receiver: Bounded = ""
    status: str = ""
    groupLabels: Annotated[Labels, BeforeValidator(_or_empty)] = {}  # noqa: N815 - Alertmanager's name
    externalURL: Bounded = ""  # noqa: N815 - Alertmanager's name
    truncatedAlerts: Annotated[int, Field(ge=0), AfterValidator(lambda count: min(count, MAX_COUNT))] = 0  # noqa: N815 - Alertmanager's name
    alerts: list[Any]


def parse(body: bytes | Mapping[str, Any] | Sequence[Any], *, now: datetime) -> Delivery:
    """The delivery in a body. Raises Malformed with the fields that are wrong."""
    plain = _decoded(body) if isinstance(body, bytes) else body
    if isinstance(plain, Sequence) and not isinstance(plain, str):
        plain = _from_v2(plain)
    if not isinstance(plain, Mapping):
        raise Malformed((FieldError(field="body", problem="must be a JSON object as Alertmanager's webhook sends it"),))
    envelope = _envelope(plain)
    return _delivery(envelope, now=now)


def _decoded(body: bytes) -> Any:
    try:
        plain = json.loads(body, parse_constant=_no_constant)
    except RecursionError:
        raise _too_deep() from None
    except (ValueError, UnicodeDecodeError) as error:
        raise Malformed((FieldError(field="body", problem=f"is no JSON: {error}"),)) from None
    if too_deep(plain, most=MAX_DEPTH):
        raise _too_deep()
    return storable(plain) if _MAY_BE_UNSTORABLE.search(body) else plain


def _too_deep() -> Malformed:
    return Malformed((FieldError(field="body", problem="is nested too deeply"),))


def too_deep(plain: Any, *, most: int) -> bool:
    """Whether lists and objects are nested more than `most` deep: code further in walks them by recursion."""
    level = [plain]
    for _ in range(most + 1):
        level = [inner for one in level for inner in _inside(one) if isinstance(inner, dict | list)]
        if not level:
            return False
    return True


def _inside(plain: Any) -> Iterable[Any]:
    return plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else ()


def _no_constant(name: str) -> float:
    message = f"{name} is no JSON number"
    raise ValueError(message)


def _from_v2(alerts: Sequence[Any]) -> dict[str, Any]:
    """A list of alerts as `GET /api/v2/alerts` gives it: they come without a group, so each is placed by itself."""
    return {"version": "4", "groupKey": "", "receiver": "", "groupLabels": {}, "alerts": list(alerts)}


def _envelope(plain: Mapping[str, Any]) -> Notification:
    try:
        envelope = Notification.model_validate(plain)
    except ValidationError as error:
        raise Malformed(_field_errors(error)) from None
    if envelope.version != "4":
        problem = f"is {envelope.version!r}; only version 4 of Alertmanager's webhook is understood"
        raise Malformed((FieldError(field="version", problem=problem),))
    return envelope


def _delivery(envelope: Notification, *, now: datetime) -> Delivery:
    alerts: list[Alert] = []
    rejected: list[RejectedAlert] = []
    for position, raw in enumerate(envelope.alerts):
        try:
            alerts.append(_alert(AlertModel.model_validate(_with_plain_status(raw)), now=now))
        except ValidationError as error:
            problem = "; ".join(f"{e.field}: {e.problem}" for e in _field_errors(error))
            rejected.append(_rejected(position, raw, problem))
        except ValueError as error:
            rejected.append(_rejected(position, raw, str(error)))
    if rejected and not alerts:
        errors = (FieldError(field=f"alerts.{bad.position}", problem=bad.problem) for bad in rejected)
        raise Malformed(tuple(errors))
    return Delivery(
        group_key=envelope.groupKey,
        receiver=envelope.receiver,
        group_labels=envelope.groupLabels,
        external_url=envelope.externalURL,
        truncated=envelope.truncatedAlerts,
        alerts=_latest(alerts),
        rejected=tuple(rejected),
        at=now,
    )


def _with_plain_status(raw: Any) -> Any:
    """The v2 API's status is an object with a state."""
    if isinstance(raw, Mapping) and isinstance(raw.get("status"), Mapping):
        state = raw["status"].get("state", "")
        return {**raw, "status": _V2_STATES.get(state, state)}
    return raw


def _alert(model: AlertModel, *, now: datetime) -> Alert:
    flags: list[str] = []
    status = AlertStatus.RESOLVED if model.status == "resolved" else AlertStatus.FIRING
    if model.status not in set(AlertStatus):
        message = f"status: is {model.status[:40]!r}; must be firing or resolved"
        raise ValueError(message)
    labels = {name: _bounded(value, name, flags) for name, value in model.labels.items()}
    starts_at = _moment(model.startsAt, "startsAt", flags)
    if starts_at > now + FUTURE:
        flags.append(f"startsAt {model.startsAt} lies in the future")
    if starts_at.year < OLDEST_YEAR:
        flags.append(f"startsAt {model.startsAt} is before anything could fire")
    return Alert(
        fingerprint=_fingerprint(model.fingerprint, model.labels, flags),
        status=status,
        labels=labels,
        annotations={name: redact(_bounded(value, name, flags)) for name, value in model.annotations.items()},
        starts_at=starts_at,
        ends_at=_end(model, status, now=now, flags=flags),
        generator_url=redact(model.generatorURL[:MAX_TEXT]),
        flags=tuple(flags),
    )


def _end(model: AlertModel, status: AlertStatus, *, now: datetime, flags: list[str]) -> datetime | None:
    """When it ended; None while it fires (Alertmanager then writes year 1, or the time at which it would give up)."""
    if status is AlertStatus.FIRING:
        return None
    ended = _moment(model.endsAt, "endsAt", flags) if model.endsAt else None
    if ended is None or ended.year == NOT_ENDED_YEAR:
        flags.append("resolved without endsAt; taken as the time of arrival")
        return now
    return ended


def _fingerprint(given: str, labels: Mapping[str, str], flags: list[str]) -> Fingerprint:
    if _FINGERPRINT.fullmatch(given):
        return Fingerprint(given)
    flags.append(
        "fingerprint computed from the labels" if not given else "fingerprint was none; computed from the labels"
    )
    return fingerprint_of(labels)


def _moment(text: str, field: str, flags: list[str]) -> datetime:
    """RFC 3339 as Go writes it: nanoseconds are cut to microseconds. Raises ValueError that names the field."""
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.strip()))
    except ValueError:
        message = f"{field}: is {text[:40]!r}; must be a time such as 2026-11-17T02:47:00Z"
        raise ValueError(message) from None
    if moment.tzinfo is None:
        flags.append(f"{field} had no time zone; taken as UTC")
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return datetime(NOT_ENDED_YEAR, 1, 1, tzinfo=UTC)


def _bounded(value: str, name: str, flags: list[str]) -> str:
    if len(value) <= MAX_TEXT:
        return value
    flags.append(f"{name} was {len(value)} characters long; the first {MAX_TEXT} are kept")
    return value[:MAX_TEXT]


def _latest(alerts: Sequence[Alert]) -> tuple[Alert, ...]:
    """One alert per (fingerprint, start); should one be there twice, what it ended as counts."""
    found: dict[tuple[Fingerprint, datetime], Alert] = {}
    for alert in alerts:
        key = (alert.fingerprint, alert.starts_at)
        if key not in found or alert.status is AlertStatus.RESOLVED:
            found[key] = alert
    return tuple(found.values())


def _rejected(position: int, raw: Any, problem: str) -> RejectedAlert:
    text = json.dumps(raw, ensure_ascii=False, default=str)
    return RejectedAlert(position=position, problem=problem[:MAX_RAW], raw=redact(text)[:MAX_RAW])


def _field_errors(error: ValidationError) -> tuple[FieldError, ...]:
    return tuple(
        FieldError(field=".".join(str(part) for part in found["loc"]) or "body", problem=found["msg"])
        for found in error.errors(include_url=False, include_input=False)[:20]
    )
