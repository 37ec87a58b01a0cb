"""What a change does to how a pod behaves, where that does not follow from its manifest (bad code, a bad value)."""

from typing import Literal

from pydantic import Field

from worlds.scenario.values import Duration, Quantity, Value


class LogLine(Value):
    """A line that the application writes while the effect lasts."""

    text: str
    level: Literal["debug", "info", "warn", "error", "fatal"] = "error"
    per_minute: float = Field(default=6.0, gt=0)


class Drain(Value):
    """Something that a process takes and never gives back, until it has none left and fails nearly everything."""

    resource: Literal["files", "threads", "connections"]
    per_hour: float = Field(gt=0, description="How many of them each process loses in an hour.")
    most: float = Field(default=200.0, gt=0, description="How many it may have.")


class Effect(Value):
    """A change of behaviour. What is left out stays as it was."""

    error_rate: float = Field(default=0.0, ge=0, le=1, description="Share of requests that fail in addition.")
    latency_factor: float = Field(default=1.0, gt=0)
    latency: Duration = Field(default=0.0, description="Added to every request.")
    cpu_factor: float = Field(default=1.0, gt=0)
    memory: Quantity = "0"
    leak_per_hour: Quantity = "0"
    calls_factor: float = Field(default=1.0, gt=0, description="How many times more often it calls its dependencies.")
    exit_code: int | None = Field(default=None, description="The process ends with this code after it started.")
    container: str = Field(default="", description="The init container that ends so; the main process if left out.")
    exit_after: Duration = 2.0
    drain: Drain | None = None
    calls_fail: dict[str, str] = Field(
        default_factory=dict, description="Dependency (as in `calls`) -> what the process's client says of every call."
    )
    complaint: str = Field(default="", description="What callers log of the requests that fail here.")
    refuse: str = Field(default="", description="What clients are told instead of being served (TLS, connection).")
    unready: str = Field(default="", description="Why the readiness probe fails, as the kubelet would say it.")
    startup: Duration = Field(default=0.0, description="How much longer the process takes to start.")
    unlive: str = Field(default="", description="Why the liveness probe fails.")
    logs: tuple[LogLine, ...] = ()
    last_words: tuple[str, ...] = Field(default=(), description="Lines written before the process ends.")
