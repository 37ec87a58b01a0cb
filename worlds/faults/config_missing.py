"""A key of a ConfigMap or Secret disappears; the next pods that start cannot be configured."""

import copy
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.cluster.core import Cluster
from worlds.faults.fault import Fault
from worlds.objects.kinds import Kind, kind_named
from worlds.scenario.values import Duration

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_CONFIGMAP, _SECRET, _DEPLOYMENT = (kind_named(name) for name in ("ConfigMap", "Secret", "Deployment"))


class ConfigMissing(Fault):
    """Somebody removes a key by hand; `restart_after` later the workload is restarted: new pods cannot start."""

    kind: Literal["config_missing"] = "config_missing"
    workload: str
    key: str
    secret: bool = False
    restart_after: Duration | None = Field(default=120.0, description="null: nobody restarts it.")
    manager: str = "kubectl-edit"

    def workloads(self) -> tuple[str, ...]:
        """The workload whose configuration it is."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Remove the key, then restart."""
        world.plan(self.at, lambda: self._remove(world.cluster))
        if self.restart_after is not None:
            world.plan(self.at + self.restart_after, lambda: self._restart(world.cluster))

    def is_active(self, world: "Simulation") -> bool:
        """As long as the key is missing."""
        kind, name = self._where()
        live = world.cluster.store.find(kind, namespace=self.workload.partition("/")[0], name=name)
        return live is None or self.key not in live.get("data", {})

    def _where(self) -> tuple[Kind, str]:
        name = self.workload.partition("/")[2]
        return (_SECRET, f"{name}-secrets") if self.secret else (_CONFIGMAP, f"{name}-config")

    def _remove(self, cluster: Cluster) -> None:
        kind, name = self._where()
        live = copy.deepcopy(cluster.store.get(kind, namespace=self.workload.partition("/")[0], name=name))
        live["data"].pop(self.key, None)
        cluster.store.replace(kind, live, manager=self.manager)

    def _restart(self, cluster: Cluster) -> None:
        namespace, _, name = self.workload.partition("/")
        live = copy.deepcopy(cluster.store.get(_DEPLOYMENT, namespace=namespace, name=name))
        annotations = live["spec"]["template"]["metadata"].setdefault("annotations", {})
        annotations["kubectl.kubernetes.io/restartedAt"] = cluster.timestamp()
        cluster.store.replace(_DEPLOYMENT, live, manager="kubectl-rollout")
