"""A scenario: an estate, what happens to it and when, what can be seen of it, and what is true."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from worlds.faults.fault import Fault, fault_from
from worlds.scenario.estate import Estate
from worlds.scenario.report import Report
from worlds.scenario.values import Duration, Value


def _fault(raw: Any) -> Any:
    return fault_from(raw) if isinstance(raw, dict) else raw


AnyFault = Annotated[SerializeAsAny[Fault], BeforeValidator(_fault)]
SourceName = Literal[
    "kubernetes", "prometheus", "alertmanager", "loki", "traces", "github", "argocd", "opencost", "flags"
]


class Visibility(Value):
    """What cannot be seen. Sources answer 503 when unavailable, 403 when forbidden."""

    unavailable: tuple[SourceName, ...] = ()
    forbidden: tuple[SourceName, ...] = ()
    forbidden_resources: tuple[str, ...] = Field(default=(), description="Kubernetes resources, e.g. pods/log.")
    missing_metrics: tuple[str, ...] = Field(default=(), description="Prefixes of metric names that nobody scrapes.")
    without_logs: tuple[str, ...] = Field(default=(), description="Workloads whose logs are not collected.")


class OtherCause(Value):
    """A further cause of the same incident."""

    cause: str
    entity: str


class Truth(Value):
    """What an expert who knows everything would say. Exactly one of cause, healthy, inconclusive."""

    cause: str = Field(default="", description="The slug of the runbook's cause.")
    entity: str = Field(
        default="",
        description="namespace/kind/name; -/node/of:namespace/workload is that workload's node; an External workload, "
        "namespace/external/name, goes by its host.",
    )
    also: tuple[OtherCause, ...] = Field(default=(), description="Further causes, when there are several.")
    healthy: bool = False
    inconclusive: bool = False
    actions: tuple[str, ...] = Field(default=(), description="Kinds of action that repair it, on the entity.")
    must_not: tuple[str, ...] = Field(default=(), description="Kinds of action that must not be proposed.")
    caught: tuple[str, ...] = Field(
        default=(), description="Kinds of action that look right, and that only a rehearsal shows to fail or to hurt."
    )
    ends: Literal["", "verified", "undone", "escalated", "nothing proposed"] = Field(
        default="", description="How it has to end where nobody could know beforehand that the change would hurt."
    )

    @model_validator(mode="after")
    def _one_truth(self) -> Self:
        if [bool(self.cause), self.healthy, self.inconclusive].count(True) != 1:
            raise ValueError("the truth is exactly one of: a cause, healthy: true, inconclusive: true")
        if self.cause and not self.entity:
            raise ValueError("a cause needs its entity: write namespace/kind/name")
        return self


class Scenario(Value):
    """A whole scenario. Times of faults are relative to `now`, the moment at which Midwatch starts to look."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    family: str = ""
    seed: int = 1
    now: datetime = datetime(2026, 11, 17, 2, 47, tzinfo=UTC)
    history: Duration = Field(default=7200.0, gt=0)
    estate: Estate
    faults: tuple[AnyFault, ...] = ()
    decoys: tuple[AnyFault, ...] = ()
    reports: tuple[Report, ...] = Field(default=(), description="Alerts that others than the estate's rules post.")
    visibility: Visibility = Visibility()
    rules: str = Field(default="", description="A rule file, relative to the scenario; the shared one if left out.")
    truth: Truth
    notes: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.now.tzinfo is None:
            raise ValueError("now needs a time zone: write 2026-11-17T02:47:00Z")
        keys = {workload.key for workload in self.estate.workloads}
        for fault in (*self.faults, *self.decoys):
            for key in fault.workloads():
                if key not in keys:
                    raise ValueError(f"{fault.kind} names {key!r}, which is no workload: name one of {sorted(keys)}")
        if self.faults and self.truth.healthy:
            raise ValueError("the truth says healthy, but there are faults: move innocent ones to decoys")
        return self
