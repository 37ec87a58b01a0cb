"""Alertmanager's configuration file, as far as a world needs it: routes, webhook receivers, inhibition."""

from datetime import timedelta
from typing import Annotated

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, SecretStr, model_validator

from worlds.alertmanager.matchers import parse_matcher
from worlds.promql.duration import Duration
from worlds.promql.storage import Matcher

ALL_LABELS = "..."  # `group_by: ['...']` puts every alert into a group of its own


def _matcher(value: object) -> object:
    return parse_matcher(value) if isinstance(value, str) else value


MatcherText = Annotated[Matcher, BeforeValidator(_matcher), PlainSerializer(str)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)


class Authorization(_Section):
    """The Authorization header: type and credentials."""

    type: str = "Bearer"
    credentials: SecretStr


class BasicAuth(_Section):
    """User name and password."""

    username: str
    password: SecretStr


class HttpConfig(_Section):
    """How a webhook is authenticated: one of the two, or not at all."""

    authorization: Authorization | None = None
    basic_auth: BasicAuth | None = None


class WebhookConfig(_Section):
    """One webhook. `max_alerts` 0 means no limit."""

    url: str
    send_resolved: bool = True
    max_alerts: int = 0
    http_config: HttpConfig = HttpConfig()


class Receiver(_Section):
    """A name, and the webhooks behind it."""

    name: str
    webhook_configs: tuple[WebhookConfig, ...] = ()


class Route(_Section):
    """A node of the routing tree; what it leaves open it takes from its parent."""

    receiver: str = ""
    group_by: tuple[str, ...] | None = None
    group_wait: Duration | None = None
    group_interval: Duration | None = None
    repeat_interval: Duration | None = None
    matchers: tuple[MatcherText, ...] = ()
    continue_: bool = Field(default=False, alias="continue")
    routes: tuple["Route", ...] = ()


class InhibitRule(_Section):
    """A firing source alert mutes target alerts that have the same values of the `equal` labels."""

    source_matchers: tuple[MatcherText, ...]
    target_matchers: tuple[MatcherText, ...]
    equal: tuple[str, ...] = ()


class Global(_Section):
    """Defaults. An alert posted without an end is over after `resolve_timeout`."""

    resolve_timeout: Duration = timedelta(minutes=5)


class AlertmanagerConfig(_Section):
    """A whole configuration. Raises pydantic.ValidationError when a route names an unknown receiver."""

    global_: Global = Field(default=Global(), alias="global")
    route: Route
    receivers: tuple[Receiver, ...]
    inhibit_rules: tuple[InhibitRule, ...] = ()

    @model_validator(mode="after")
    def _receivers_exist(self) -> "AlertmanagerConfig":
        if not self.route.receiver:
            raise ValueError("root route must specify a default receiver")
        if self.route.matchers:
            raise ValueError("root route must not have any matchers")
        known = {one.name for one in self.receivers}
        for name in _receivers_of(self.route):
            if name not in known:
                raise ValueError(f'undefined receiver "{name}" used in route')
        return self


def load_config(text: str) -> AlertmanagerConfig:
    """Read a configuration file. Raises pydantic.ValidationError or yaml.YAMLError, naming the place."""
    return AlertmanagerConfig.model_validate(yaml.safe_load(text))


def dump_config(config: AlertmanagerConfig) -> str:
    """Write a configuration for people: secrets are masked."""
    return yaml.safe_dump(config.model_dump(mode="json", by_alias=True, exclude_defaults=True), sort_keys=False)


def _receivers_of(route: Route) -> set[str]:
    own = {route.receiver} if route.receiver else set[str]()
    return own.union(*(_receivers_of(child) for child in route.routes))
