"""The settings of Slack: how it is reached, which channel an incident belongs into, and who is who."""

from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Self

from pydantic import Field, SecretStr, model_validator

from incidents.alert import Severity
from incidents.entity import NO_NAMESPACE
from incidents.incident import Incident
from orchestrator.part import Part
from tools.address import AskedUrl


class Mode(StrEnum):
    """How Slack reaches Midwatch."""

    SOCKET = "socket"
    """Midwatch opens a websocket: no public address is needed."""
    HTTP = "http"
    """Slack sends signed requests to `<public_url>/slack/events`."""


def _severity_by_name(given: object) -> object:
    if isinstance(given, dict) and str(given.get("severity", "")).upper() in Severity.__members__:
        return given | {"severity": Severity[str(given["severity"]).upper()]}
    return given


class Route(Part):
    """Incidents that match every field go to `channel`. Empty fields match anything; the first that matches counts."""

    channel: str
    clusters: tuple[str, ...] = ()
    """Shell-style patterns, as for `namespaces` and `services`."""
    namespaces: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    severity: Severity = Severity.SEV4
    """The mildest that goes there, SEV1 to SEV4."""
    mention: str = ""
    """Id of a user group (`S012AB`) or a user (`U012AB`) that is called when a decision is wanted."""

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, given: object) -> object:
        """Accept `SEV2` besides 2."""
        return _severity_by_name(given)

    def takes(self, incident: Incident) -> bool:
        """Whether an incident belongs there."""
        parts = [entity.split("/", 3) for entity in incident.entities]
        namespaces = [part[1] for part in parts if len(part) > 1 and part[1] != NO_NAMESPACE]
        services = [part[-1] for part in parts]
        return (
            incident.severity <= self.severity
            and _any([incident.cluster], self.clusters)
            and _any(namespaces, self.namespaces)
            and _any(services, self.services)
        )


class QuietHours(Part):
    """Hours (UTC) in which nobody is called about incidents milder than `severity`; cards are posted all the same."""

    start: int = Field(default=0, ge=0, le=23)
    end: int = Field(default=0, ge=0, le=23)
    """Equal to `start`: there are none."""
    severity: Severity = Severity.SEV2
    """Incidents this severe, or more, are called about at any hour."""

    def quiet(self, *, hour: int, severity: Severity) -> bool:
        """Whether a mention has to be left out at this hour."""
        if self.start == self.end or severity <= self.severity:
            return False
        if self.start < self.end:
            return self.start <= hour < self.end
        return hour >= self.start or hour < self.end


class Digest(Part):
    """Mild incidents that are told together once per period, instead of in a message each."""

    severity: Severity | None = None
    """This mild, or milder; none: every incident has a message of its own."""
    hours: int = Field(default=24, ge=1, le=24)
    """The period, counted from midnight UTC. What falls into quiet hours is posted at their end."""

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, given: object) -> object:
        """Accept `SEV3` besides 3."""
        return _severity_by_name(given)

    def takes(self, incident: Incident) -> bool:
        """Whether it is mild enough."""
        return self.severity is not None and incident.severity >= self.severity


class Slack(Part):
    """Slack. Without a bot token there is none."""

    bot_token: SecretStr | None = None
    """`xoxb-...`, from the app's page `OAuth & Permissions`."""
    mode: Mode = Mode.SOCKET
    app_token: SecretStr | None = None
    """`xapp-...` with `connections:write`, for Socket Mode."""
    signing_secret: SecretStr | None = None
    """From the app's page `Basic Information`, for HTTP."""
    channel: str = "#incidents"
    """Where incidents go that no route takes: a channel's id, or `#name`."""
    mention: str = ""
    """Whom to call when a decision is wanted: the id of a user group or a user."""
    routes: tuple[Route, ...] = ()
    quiet_hours: QuietHours = QuietHours()
    digest: Digest = Digest()
    storm: int = Field(default=5, ge=2)
    """So many incidents of one channel within two minutes are a storm: they share one message and its thread."""
    api_url: AskedUrl = "https://slack.com/api/"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.bot_token is None:
            return self
        if self.mode is Mode.SOCKET and self.app_token is None:
            message = "app_token: Socket Mode needs the app-level token (xapp-...), or choose mode: http"
            raise ValueError(message)
        if self.mode is Mode.HTTP and self.signing_secret is None:
            message = "signing_secret: HTTP events need the signing secret of the app"
            raise ValueError(message)
        return self

    @property
    def enabled(self) -> bool:
        """Whether there is a Slack."""
        return self.bot_token is not None

    def route_of(self, incident: Incident) -> Route:
        """Where an incident goes."""
        fallback = Route(channel=self.channel, mention=self.mention)
        return next((route for route in self.routes if route.takes(incident)), fallback)


def _any(names: list[str], patterns: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
