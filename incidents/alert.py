"""One alert as Alertmanager sends it, cleaned of what only transports it."""

from datetime import datetime
from enum import IntEnum, StrEnum

from incidents.ids import Fingerprint
from incidents.value import Value

NOT_ENDED_YEAR = 1
"""Alertmanager writes endsAt in year 0001 for an alert that still fires."""


class AlertStatus(StrEnum):
    """An alert's own status; the status of the group it came in may differ."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Severity(IntEnum):
    """Severity of an incident: 1 is the worst. Free text of alerts is mapped onto it by settings."""

    SEV1 = 1
    SEV2 = 2
    SEV3 = 3
    SEV4 = 4

    @property
    def label(self) -> str:
        """`SEV1`."""
        return f"SEV{self.value}"


class Alert(Value):
    """One alert. Identity is (fingerprint, starts_at): the same labels firing again later is another alert."""

    fingerprint: Fingerprint
    status: AlertStatus
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: datetime
    ends_at: datetime | None = None
    """None while it fires."""
    generator_url: str = ""
    flags: tuple[str, ...] = ()
    """What was odd about it and was repaired or kept, in words."""

    @property
    def name(self) -> str:
        """The alertname label, or `unnamed alert`."""
        return self.labels.get("alertname", "unnamed alert")

    @property
    def summary(self) -> str:
        """The best one-line description the alert carries."""
        for key in ("summary", "description", "message"):
            if self.annotations.get(key):
                return self.annotations[key]
        return self.name


class Delivery(Value):
    """What one webhook call brought: the good alerts, and the bad ones with what is wrong with them."""

    group_key: str
    receiver: str
    group_labels: dict[str, str] = {}
    external_url: str = ""
    truncated: int = 0
    """Alerts that Alertmanager left out of this notification (`max_alerts`)."""
    alerts: tuple[Alert, ...]
    rejected: tuple["RejectedAlert", ...] = ()
    at: datetime


class RejectedAlert(Value):
    """An alert of a group that could not be read; it is kept beside the good ones."""

    position: int
    problem: str
    """Field and what is wrong with it."""
    raw: str
    """JSON as it came, redacted and bounded."""


Delivery.model_rebuild()
