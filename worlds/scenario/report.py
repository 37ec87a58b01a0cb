"""An alert that the estate's own rules do not make: a notification of Argo CD or the pipeline, a budget, a person."""

from pydantic import Field

from worlds.scenario.values import Duration, Value


class Report(Value):
    """Posted to Alertmanager from `at` to `until`. Taken back once all faults are repaired, unless it `stays`."""

    at: Duration
    until: Duration | None = None
    stays: bool = Field(default=False, description="It is not taken back, whatever is repaired.")
    alert: str = Field(description="Its alertname.")
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
