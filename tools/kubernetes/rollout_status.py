"""How far a rollout has come, by the same rules as `kubectl rollout status`. Pure.

Source of the rules: k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go.
"""

from dataclasses import dataclass

from incidents.entity import EntityKind
from tools.kubernetes.workload import Workload


@dataclass(frozen=True, kw_only=True)
class RolloutStatus:
    """`done` is what the controller says; `stuck` when it gave up waiting."""

    done: bool
    stuck: bool
    text: str


def rollout_status(workload: Workload) -> RolloutStatus:
    """Where the newest template of a workload stands."""
    replicas = workload.replicas
    ready = f"{min(replicas.updated, replicas.ready)}/{replicas.desired} ready"
    if workload.behind:
        return RolloutStatus(done=False, stuck=False, text=f"{ready}; the controller has not seen the change yet")
    progressing = workload.condition("Progressing")
    if progressing is not None and progressing.reason == "ProgressDeadlineExceeded":
        return RolloutStatus(done=False, stuck=True, text=f"{ready}; it made no progress within its deadline")
    done = replicas.updated >= replicas.desired and replicas.available >= replicas.desired
    if workload.kind is EntityKind.DEPLOYMENT:
        done = done and replicas.current <= replicas.updated
    if workload.kind is EntityKind.STATEFULSET and workload.strategy.partition == 0:
        done = done and workload.update_revision in ("", workload.current_revision)
    return RolloutStatus(done=done, stuck=False, text=ready)
