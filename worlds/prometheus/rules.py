"""Rule files as Prometheus reads them: groups of alerting and recording rules. Values only; evaluation is elsewhere."""

from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from worlds.promql.duration import Duration
from worlds.promql.parsing import parse

DEFAULT_INTERVAL = timedelta(seconds=30)  # what kube-prometheus sets; Prometheus' own default is a minute


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    expr: str
    labels: Mapping[str, str] = {}

    @field_validator("expr", mode="before")
    @classmethod
    def _parses(cls, value: object) -> object:
        """A rule whose expression does not parse is refused when it is loaded, as promtool does."""
        text = str(value).strip()
        parse(text)
        return text


class AlertingRule(_Rule):
    """`expr` above zero results for `for` makes an alert fire; labels and annotations are Go templates."""

    alert: str
    hold: Duration = Field(default=timedelta(0), alias="for")
    keep_firing_for: Duration = timedelta(0)
    annotations: Mapping[str, str] = {}


class RecordingRule(_Rule):
    """The value of `expr` is stored under a new metric name."""

    record: str


def _kind(value: object) -> str:
    if isinstance(value, _Rule):
        return "alerting" if isinstance(value, AlertingRule) else "recording"
    return "alerting" if isinstance(value, Mapping) and "alert" in value else "recording"


Rule = AlertingRule | RecordingRule
_AnyRule = Annotated[
    Annotated[AlertingRule, Tag("alerting")] | Annotated[RecordingRule, Tag("recording")], Discriminator(_kind)
]


class RuleGroup(BaseModel):
    """Rules that are evaluated together, in order, once per interval."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    interval: Duration = DEFAULT_INTERVAL
    limit: int = 0
    file: str = "/etc/prometheus/rules/estate.yaml"
    rules: tuple[_AnyRule, ...]


class _RuleFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    groups: tuple[RuleGroup, ...]


@lru_cache(maxsize=64)
def load_rules(text: str) -> tuple[RuleGroup, ...]:
    """Read a rule file (YAML with `groups:`). Raises pydantic.ValidationError or yaml.YAMLError, naming the place."""
    return _RuleFile.model_validate(yaml.safe_load(text)).groups
