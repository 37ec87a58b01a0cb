"""Keep new pods off a node. Pods that run on it stay."""

from collections.abc import Sequence

from typing_extensions import override

from incidents.action import ActionRequest, Reversibility, Snapshot
from incidents.entity import Entity, EntityKind
from incidents.ids import ActionKind
from tools.action import ActionCard
from tools.errors import ConflictError, PermanentError
from tools.estate import WriteCluster
from tools.kubernetes.access import Need
from tools.kubernetes.change import ConditionalChange, Plan
from tools.kubernetes.document import Document
from tools.kubernetes.json_patch import Operation, drop, put

_FLAG = ["spec", "unschedulable"]


class CordonNode(ConditionalChange):
    """`kubectl cordon`, conditional on what was approved."""

    card = ActionCard(
        kind=ActionKind("cordon_node"),
        title="Cordon a node",
        describe="Keeps new pods off a node; those that run on it stay.",
        targets=(EntityKind.NODE,),
        arguments={},
        reversibility=Reversibility.EXACT,
        undo_seconds=5,
    )
    needs = (Need(verb="get", resource="nodes"), Need(verb="patch", resource="nodes"))

    @override
    async def plan(self, cluster: WriteCluster, item: Document, request: ActionRequest) -> Plan:
        """Set the flag. Nodes have no generation: uid and flag are what the approver saw."""
        if item.flag(*_FLAG):
            raise PermanentError(f"{Entity.parse(request.target).label} is cordoned already")
        return Plan(part={"unschedulable": False}, operations=put(item, _FLAG, True), state={}, by_generation=False)

    @override
    async def reversal(
        self, cluster: WriteCluster, item: Document, request: ActionRequest, state: Document
    ) -> Sequence[Operation]:
        """Remove the flag."""
        if not item.flag(*_FLAG):
            raise ConflictError("not undone: somebody uncordoned the node since")
        return drop(item, _FLAG)

    @override
    def progress(self, item: Document, request: ActionRequest) -> tuple[bool, str]:
        """The flag is all there is."""
        return True, "cordoned" if item.flag(*_FLAG) else "takes new pods"

    @override
    def summarise(self, request: ActionRequest, snapshot: Snapshot) -> tuple[str, str]:
        """`Cordon node worker-2`, `uncordon it`."""
        return f"Cordon {Entity.parse(request.target).label}", f"uncordon it, about {self.card.undo_seconds} s"


ACTION = CordonNode()
