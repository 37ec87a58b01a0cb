"""Conditions: how Kubernetes says that something is so, since when and why."""

from collections.abc import Iterable
from datetime import datetime

from incidents.value import Value
from tools.kubernetes.document import Document
from tools.kubernetes.secrecy import without_secrets

MAX_MESSAGE = 1000
"""Characters of a message that are kept: scheduler messages on large clusters stay below it."""


class Condition(Value):
    """One condition. `status` is True, False or Unknown as Kubernetes writes it."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    changed: datetime | None = None
    """Last transition: when `status` became what it is."""
    updated: datetime | None = None
    """Last heartbeat (nodes) or update (deployments)."""

    @property
    def holds(self) -> bool:
        """Whether the status is True."""
        return self.status == "True"


def read_conditions(status: Document) -> tuple[Condition, ...]:
    """Read `conditions` of a status."""
    return tuple(
        Condition(
            type=item.word("type"),
            status=item.word("status"),
            reason=item.word("reason"),
            message=message(item.word("message")),
            changed=item.moment("lastTransitionTime"),
            updated=item.moment("lastHeartbeatTime") or item.moment("lastUpdateTime"),
        )
        for item in status.items("conditions")
    )


def find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """The condition of that type."""
    return next((condition for condition in conditions if condition.type == kind), None)


def message(text: str) -> str:
    """A message of a status or event, bounded and without secrets."""
    return without_secrets(text)[:MAX_MESSAGE]
