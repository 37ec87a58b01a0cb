"""The fake kubelet's clock: real time, in the two ways in which Kubernetes writes it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def seconds(moment: datetime) -> str:
    """`metav1.Time`: whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def micros(moment: datetime) -> str:
    """`metav1.MicroTime`: microseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
