"""Talks to a flag service that serves the admin API of Unleash: its events, and which applications ask for a flag."""

from datetime import UTC, datetime
from typing import Any

from incidents.evidence import Window
from incidents.redaction import redact
from incidents.value import Value
from tools.errors import NotFoundError
from tools.estate import Endpoint
from tools.http import HttpClient, Params, segment
from tools.wire import Wire

SYSTEM = "the flag service"
EVENTS = "/api/admin/search/events"
MOST = 100
"""Events of one answer: a busy organisation switches a few dozen flags a day."""
LONGEST = 200
_SWITCHES = {
    "feature-environment-enabled": "on",
    "feature-environment-disabled": "off",
    "feature-strategy-add": "got a strategy",
    "feature-strategy-update": "got another strategy",
    "feature-strategy-remove": "lost a strategy",
    "feature-environment-variants-updated": "got other variants",
    "feature-archived": "archived",
}
"""Types of events after which a program may do something else, and what became of the flag."""


class FlagChange(Value):
    """One switch of a flag in one environment."""

    flag: str
    what: str
    """`on`, `off`, `got another strategy`, ..."""
    at: datetime
    environment: str = ""
    project: str = ""
    actor: str = ""
    before: str = ""
    after: str = ""
    """What the strategy said before and since, where the event tells."""


class _Event(Wire):
    type: str = ""
    createdAt: datetime  # noqa: N815 - the wire's name
    createdBy: str = ""  # noqa: N815
    environment: str | None = None
    project: str | None = None
    featureName: str | None = None  # noqa: N815
    data: Any = None
    preData: Any = None  # noqa: N815


class _Events(Wire):
    events: tuple[_Event, ...] = ()
    total: int = 0


class _Usage(Wire):
    seenApplications: tuple[str, ...] = ()  # noqa: N815


class FlagsClient:
    """Reads one flag service. Its token stands in the header as it is: Unleash knows no `Bearer` before it."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Nothing is sent yet."""
        token = endpoint.token.get_secret_value() if endpoint.token else ""
        bare = endpoint.model_copy(update={"token": None})
        self.http = HttpClient(bare, system=SYSTEM, headers={"authorization": token} if token else None)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def changes(self, window: Window) -> tuple[FlagChange, ...]:
        """Switches within the window, newest first, of the latest MOST events of its days."""
        answer = await self.http.get(EVENTS, _Events, params=_days(window))
        found = (_change(event) for event in answer.events if event.type in _SWITCHES and event.featureName)
        return tuple(sorted((one for one in found if window.start <= one.at <= window.end), key=_newest))

    async def applications(self, flag: str) -> tuple[str, ...]:
        """Names of the applications that asked for a flag within the last day; none for one that is gone."""
        try:
            answer = await self.http.get(f"/api/admin/client-metrics/features/{segment(flag)}", _Usage)
        except NotFoundError:
            return ()
        return tuple(sorted(set(answer.seenApplications)))

    def describe(self, window: Window) -> str:
        """The query as evidence names it."""
        return self.http.describe(EVENTS, params=_days(window))


def _days(window: Window) -> Params:
    """The API takes whole days."""
    return {"from": f"IS:{window.start:%Y-%m-%d}", "to": f"IS:{window.end:%Y-%m-%d}", "limit": MOST}


def _newest(one: FlagChange) -> tuple[float, str]:
    return -one.at.timestamp(), one.flag


def _change(event: _Event) -> FlagChange:
    at = event.createdAt if event.createdAt.tzinfo else event.createdAt.replace(tzinfo=UTC)
    return FlagChange(
        flag=event.featureName or "",
        what=_SWITCHES[event.type],
        at=at,
        environment=event.environment or "",
        project=event.project or "",
        actor=event.createdBy,
        before=_told(event.preData),
        after=_told(event.data),
    )


def _told(data: Any) -> str:
    """What a strategy says: `flexibleRollout rollout=10`."""
    if not isinstance(data, dict):
        return ""
    parameters = data.get("parameters")
    told = [f"{key}={value}" for key, value in sorted(parameters.items())] if isinstance(parameters, dict) else []
    return redact(" ".join([str(data.get("name") or ""), *told]).strip())[:LONGEST]
