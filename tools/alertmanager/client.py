"""Talks to Alertmanager's API v2. The only place that knows its HTTP API."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from incidents.canonical import Json
from incidents.value import Value
from tools.estate import Endpoint
from tools.http import HttpClient, segment
from tools.wire import Wire

SYSTEM = "Alertmanager"


class ActiveAlert(Value):
    """One alert that Alertmanager holds."""

    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: datetime
    state: str
    """`active`, `suppressed` or `unprocessed`."""
    silenced_by: tuple[str, ...] = ()
    inhibited_by: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The alertname label."""
        return self.labels.get("alertname", "unnamed alert")


class Matcher(Value):
    """One condition of a silence."""

    name: str
    value: str
    regex: bool = False
    equal: bool = True

    def __str__(self) -> str:
        operator = ("=~" if self.equal else "!~") if self.regex else ("=" if self.equal else "!=")
        value = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{operator}"{value}"'


class Silence(Value):
    """One silence."""

    id: str
    state: str
    """`active`, `pending` or `expired`."""
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    created_by: str
    comment: str


class _State(Wire):
    state: str
    silencedBy: tuple[str, ...] = ()  # noqa: N815 - the wire's name
    inhibitedBy: tuple[str, ...] = ()  # noqa: N815 - the wire's name


class _Alert(Wire):
    fingerprint: str
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    startsAt: datetime  # noqa: N815 - the wire's name
    status: _State


class _Matcher(Wire):
    name: str
    value: str
    isRegex: bool  # noqa: N815 - the wire's name
    isEqual: bool = True  # noqa: N815 - the wire's name


class _Silence(Wire):
    id: str
    status: _State
    matchers: tuple[_Matcher, ...]
    startsAt: datetime  # noqa: N815 - the wire's name
    endsAt: datetime  # noqa: N815 - the wire's name
    updatedAt: datetime  # noqa: N815 - the wire's name
    createdBy: str  # noqa: N815 - the wire's name
    comment: str


class _Created(Wire):
    silenceID: str  # noqa: N815 - the wire's name


class AlertmanagerClient:
    """Reads one Alertmanager, and makes and expires silences when it was given write access."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Nothing is sent yet."""
        self.http = HttpClient(endpoint, system=SYSTEM)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def alerts(self, matchers: Sequence[Matcher] = (), *, silenced: bool = True) -> tuple[ActiveAlert, ...]:
        """The alerts that it holds now; those that are silenced or inhibited too unless told otherwise."""
        params: Mapping[str, bool | Sequence[str]] = {
            "active": True,
            "silenced": silenced,
            "inhibited": silenced,
            "filter": [str(matcher) for matcher in matchers],
        }
        found = await self.http.get("/api/v2/alerts", list[_Alert], params=params)
        return tuple(_alert(alert) for alert in found)

    async def silences(self, matchers: Sequence[Matcher] = ()) -> tuple[Silence, ...]:
        """The silences that it holds, expired ones of its retention time included."""
        params = {"filter": [str(matcher) for matcher in matchers]}
        return tuple(_silence(one) for one in await self.http.get("/api/v2/silences", list[_Silence], params=params))

    async def silence(self, silence: str) -> Silence:
        """One silence. Raises NotFoundError."""
        return _silence(await self.http.get(f"/api/v2/silence/{segment(silence)}", _Silence))

    async def put_silence(
        self,
        matchers: Sequence[Matcher],
        *,
        starts_at: datetime,
        ends_at: datetime,
        created_by: str,
        comment: str,
        replaces: str | None = None,
    ) -> str:
        """Make a silence, or change the one that it `replaces`; answers its id. Raises PermanentError when refused."""
        body: Json = {
            "matchers": [{"name": m.name, "value": m.value, "isRegex": m.regex, "isEqual": m.equal} for m in matchers],
            "startsAt": starts_at.isoformat(),
            "endsAt": ends_at.isoformat(),
            "createdBy": created_by,
            "comment": comment,
            **({"id": replaces} if replaces else {}),
        }
        created = await self.http.send("POST", "/api/v2/silences", _Created, body=body)
        return created.silenceID

    async def expire_silence(self, silence: str) -> None:
        """End a silence now. Raises NotFoundError."""
        await self.http.send("DELETE", f"/api/v2/silence/{segment(silence)}", type(None))

    def describe_alerts(self, matchers: Sequence[Matcher] = ()) -> str:
        """The request as evidence names it."""
        return self.http.describe("/api/v2/alerts", params={"filter": [str(matcher) for matcher in matchers]})

    def link(self, matchers: Sequence[Matcher] = ()) -> str:
        """The page of these alerts."""
        conditions = ",".join(str(matcher) for matcher in matchers)
        return self.http.link("/#/alerts", params={"filter": f"{{{conditions}}}"} if conditions else None)


def _alert(alert: _Alert) -> ActiveAlert:
    return ActiveAlert(
        fingerprint=alert.fingerprint,
        labels=alert.labels,
        annotations=alert.annotations,
        starts_at=alert.startsAt,
        state=alert.status.state,
        silenced_by=alert.status.silencedBy,
        inhibited_by=alert.status.inhibitedBy,
    )


def _silence(silence: _Silence) -> Silence:
    return Silence(
        id=silence.id,
        state=silence.status.state,
        matchers=tuple(Matcher(name=m.name, value=m.value, regex=m.isRegex, equal=m.isEqual) for m in silence.matchers),
        starts_at=silence.startsAt,
        ends_at=silence.endsAt,
        updated_at=silence.updatedAt,
        created_by=silence.createdBy,
        comment=silence.comment,
    )
