"""A change of a workload's manifests: the vocabulary that deploys, manual edits and their decoys share."""

from typing import Any, Self

from pydantic import Field, model_validator

from worlds.scenario.values import Quantity, Value

# Objects that a workload's team keeps in Git: what `patch` may name.
PATCHED = (
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "Service",
    "ConfigMap",
    "Ingress",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "ServiceAccount",
)


class Change(Value):
    """Fields of a workload's manifests with their new values. What is left out stays as it is."""

    tag: str | None = None
    image: str | None = None
    replicas: int | None = Field(default=None, ge=0)
    memory_limit: Quantity | None = None
    memory_request: Quantity | None = None
    cpu_limit: Quantity | None = None
    cpu_request: Quantity | None = None
    env: dict[str, str | None] = Field(default_factory=dict, description="null removes a variable.")
    config: dict[str, str | None] = Field(default_factory=dict, description="Keys of the ConfigMap; null removes one.")
    command: tuple[str, ...] | None = None
    readiness_path: str | None = None
    readiness_port: int | None = None
    readiness_scheme: str | None = None
    liveness_path: str | None = None
    liveness_port: int | None = None
    liveness_delay: float | None = None
    liveness_timeout: float | None = None
    container_port: int | None = None
    service_target_port: int | None = None
    service_selector: dict[str, str] | None = None
    node_selector: dict[str, str] | None = None
    service_account: str | None = None
    storage_class: str | None = None
    priority_class: str | None = None
    autoscale_min: int | None = None
    autoscale_max: int | None = None
    patch: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Whatever has no field above, by kind of object, as `kubectl patch` takes it (strategic merge).",
    )

    @model_validator(mode="after")
    def _check_patch(self) -> Self:
        for kind in self.patch:
            if kind not in PATCHED:
                raise ValueError(f"patch: {kind!r} is no object of a workload: use one of {', '.join(PATCHED)}")
        return self
