"""What a container wrote: the tail of its current or previous run, redacted and bounded."""

from datetime import datetime

from incidents.ids import EntityId
from incidents.value import Value


class LogLine(Value):
    """One line with the time at which the runtime took it; None when the server gave no times."""

    at: datetime | None
    text: str


class ContainerLog(Value):
    """The tail of one run of one container."""

    pod: EntityId
    workload: EntityId
    container: str
    previous: bool
    """Whether it is the run before the last restart."""
    lines: tuple[LogLine, ...]
    cut: str | None = None
    """What is missing, in words."""


class Logs(Value):
    """Logs of a few containers; `unavailable` says in words which ones could not be read and why."""

    logs: tuple[ContainerLog, ...]
    unavailable: tuple[str, ...] = ()
