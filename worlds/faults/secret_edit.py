"""A value in a Secret is replaced; processes that start afterwards use it, and nobody accepts it."""

import base64
import copy
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.cluster.core import Cluster
from worlds.estate.effects import ActiveEffect
from worlds.faults.fault import Fault
from worlds.objects.kinds import kind_named
from worlds.scenario.effect import Effect
from worlds.scenario.values import Duration

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_SECRET, _DEPLOYMENT = kind_named("Secret"), kind_named("Deployment")


class SecretEdit(Fault):
    """`effect` holds for processes that started with the new value. `restart_after`: somebody restarts the workload."""

    kind: Literal["secret_edit"] = "secret_edit"
    workload: str
    key: str
    value: str = "rotated-and-not-yet-known"
    effect: Effect
    manager: str = "external-secrets"
    restart_after: Duration | None = Field(default=60.0, description="null: nobody restarts it.")

    def workloads(self) -> tuple[str, ...]:
        """Whose secret it is."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Write the value, then restart."""
        effect = ActiveEffect(
            target=self.workload,
            effect=self.effect,
            since=world.at(self.at),
            holds=lambda _pod, environment: environment.get(self.key) == self.value,
        )
        world.plan(self.at - 1, lambda: world.effects.add(effect))
        world.plan(self.at, lambda: self._write(world.cluster))
        if self.restart_after is not None:
            world.plan(self.at + self.restart_after, lambda: self._restart(world.cluster))

    def is_active(self, world: "Simulation") -> bool:
        """As long as the secret has the value."""
        namespace, _, name = self.workload.partition("/")
        live = world.cluster.store.find(_SECRET, namespace=namespace, name=f"{name}-secrets")
        return live is not None and live["data"].get(self.key) == self._encoded

    @property
    def _encoded(self) -> str:
        return base64.b64encode(self.value.encode()).decode()

    def _write(self, cluster: Cluster) -> None:
        namespace, _, name = self.workload.partition("/")
        live = copy.deepcopy(cluster.store.get(_SECRET, namespace=namespace, name=f"{name}-secrets"))
        live["data"][self.key] = self._encoded
        cluster.store.replace(_SECRET, live, manager=self.manager)

    def _restart(self, cluster: Cluster) -> None:
        namespace, _, name = self.workload.partition("/")
        live = copy.deepcopy(cluster.store.get(_DEPLOYMENT, namespace=namespace, name=name))
        annotations = live["spec"]["template"]["metadata"].setdefault("annotations", {})
        annotations["kubectl.kubernetes.io/restartedAt"] = cluster.timestamp()
        cluster.store.replace(_DEPLOYMENT, live, manager="kubectl-rollout")
