"""Alerts as Prometheus posts them to Alertmanager, and as Alertmanager keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_FNV_OFFSET = 0xCBF29CE484222325
_FNV_PRIME = 0x100000001B3
_SEPARATOR = 0xFF  # between names and values (prometheus/common, model/signature.go)
_UINT64 = 0xFFFFFFFFFFFFFFFF
ALERT_NAME = "alertname"


@dataclass(frozen=True, kw_only=True)
class PostedAlert:
    """What a rule evaluation sends: an alert that fires until `ends_at`, unless it is posted again."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime
    generator_url: str


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alert in Alertmanager. `ends_at` in the past means resolved."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime
    generator_url: str
    fingerprint: str

    @property
    def name(self) -> str:
        """Return the alert's name, or ""."""
        return self.labels.get(ALERT_NAME, "")

    def resolved_at(self, now: datetime) -> bool:
        """Say whether the alert is over."""
        return self.ends_at <= now


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return Alertmanager's fingerprint: FNV-1a, 64 bits, over the sorted labels, as 16 hexadecimal digits."""
    state = _FNV_OFFSET
    for name in sorted(labels):
        for text in (name, labels[name]):
            for byte in (*text.encode(), _SEPARATOR):
                state = ((state ^ byte) * _FNV_PRIME) & _UINT64
    return f"{state:016x}"
