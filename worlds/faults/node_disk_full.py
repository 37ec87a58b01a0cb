"""Something fills a node's disk: the kubelet reports pressure and evicts pods, and none are scheduled there."""

from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.cluster.nodes import NODE
from worlds.cluster.podmaking import POD
from worlds.estate.nodetrouble import Filling
from worlds.faults.node_down import NodeFault
from worlds.scenario.values import Duration

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_PAUSE = 40.0
_THRESHOLD, _LEFT = 10_120_387_530, 6_310_924_288
_WORDS = (
    "The node was low on resource: ephemeral-storage. Threshold quantity: {threshold}, available: {left}Ki. "
    "Container {container} was using {used}Ki, request is 0, has larger consumption of ephemeral-storage. "
)


class NodeDiskFull(NodeFault):
    """The disk fills within `over`; then one pod after the other is evicted, `evictions` in all."""

    kind: Literal["node_disk_full"] = "node_disk_full"
    over: Duration = 600.0
    evictions: int = Field(default=3, ge=0)

    def plan(self, world: "Simulation") -> None:
        """Fill, report, evict."""
        world.plan(self.at, lambda: self._begin(world))
        world.plan(self.at + self.over, lambda: self._press(world))

    def is_active(self, world: "Simulation") -> bool:
        """As long as the node is in use."""
        node = world.cluster.store.find(NODE, name=world.hit(self.workload))
        return node is not None and not node["spec"].get("unschedulable")

    def _begin(self, world: "Simulation") -> None:
        filling = Filling(at=world.cluster.now, over=self.over, left=0.06)
        world.nodes_in_trouble.disks[world.hit(self.workload)] = filling

    def _press(self, world: "Simulation") -> None:
        world.nodes.pressure(world.hit(self.workload), on=True, of="disk")
        for number in range(self.evictions):
            world.cluster.after(2.0 + number * _PAUSE, partial(self._evict_one, world))

    def _evict_one(self, world: "Simulation") -> None:
        node = world.hit(self.workload)
        for pod in world.cluster.store.every(POD):
            owners = {owner["kind"] for owner in pod["metadata"].get("ownerReferences", [])}
            runtime = world.kubelets.pods.get(pod["metadata"]["uid"])
            if pod["spec"].get("nodeName") == node and runtime and not runtime.gone and not owners & {"DaemonSet"}:
                name = pod["spec"]["containers"][0]["name"]
                used = int(world.cluster.chance.between(90_000, 400_000, "disk", runtime.uid))
                text = _WORDS.format(threshold=_THRESHOLD, left=_LEFT // 1024, container=name, used=used)
                world.kubelets.evict(runtime.uid, message=text)
                return
