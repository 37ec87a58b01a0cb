"""kube-proxy of one node ends again and again: the node's routes stay as they were while endpoints move on."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.cluster.podmaking import POD
from worlds.estate.effects import ActiveEffect
from worlds.faults.fault import Fault
from worlds.objects.kinds import JsonObject
from worlds.scenario.effect import Effect

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_LOCKED = (
    'E proxier.go:1564] "Failed to execute iptables-restore" err="exit status 4: Another app is currently holding the '
    'xtables lock. Perhaps you want to use the -w option?"'
)
_GIVES_UP = 'F server.go:133] "Error running ProxyServer" err="unable to sync proxy rules"'


class ProxyDown(Fault):
    """It is the pod of `proxy` on the node of `workload`'s first pod; another pod in its place is well."""

    kind: Literal["proxy_down"] = "proxy_down"
    workload: str
    proxy: str = Field(default="kube-system/kube-proxy", description="The DaemonSet.")

    def workloads(self) -> tuple[str, ...]:
        """The proxy, and the workload whose node it is."""
        return (self.workload, self.proxy)

    def plan(self, world: "Simulation") -> None:
        """Begin."""
        world.plan(self.at, lambda: self._begin(world))

    def is_active(self, world: "Simulation") -> bool:
        """As long as the pod is there that was there then."""
        pod = self._pod(world)
        return pod is not None and pod["metadata"]["creationTimestamp"] < self._begun(world)

    def _begin(self, world: "Simulation") -> None:
        pod = self._pod(world)
        if pod is None:
            raise ValueError(f"proxy_down: {self.proxy} has no pod on the node of {self.workload}")
        uid = pod["metadata"]["uid"]
        effect = ActiveEffect(
            target=self.proxy,
            effect=Effect(exit_code=1, exit_after=1.0, last_words=(_LOCKED, _GIVES_UP)),
            since=world.cluster.now,
            holds=lambda one, _environment: bool(one["metadata"]["uid"] == uid),
        )
        world.effects.add(effect)

    def _begun(self, world: "Simulation") -> str:
        return world.cluster.moment().fromtimestamp(world.at(self.at), tz=world.cluster.moment().tzinfo).isoformat()

    def _pod(self, world: "Simulation") -> JsonObject | None:
        namespace, _, name = self.proxy.partition("/")
        node = world.hit(self.workload)
        for pod in world.cluster.store.every(POD, namespace=namespace):
            mine = pod["metadata"].get("labels", {}).get("app.kubernetes.io/name") == name
            if mine and pod["spec"].get("nodeName") == node:
                return pod
        return None
