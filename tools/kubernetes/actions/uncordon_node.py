"""Let a node that somebody closed take new pods again."""

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


class UncordonNode(ConditionalChange):
    """`kubectl uncordon`, conditional on what was approved."""

    card = ActionCard(
        kind=ActionKind("uncordon_node"),
        title="Uncordon a node",
        describe="Lets a cordoned node take new pods again.",
        targets=(EntityKind.NODE,),
        arguments={},
        reversibility=Reversibility.EXACT,
        undo_seconds=5,
    )
    needs = (Need(verb="get", resource="nodes"), Need(verb="patch", resource="nodes"))

    @override
    async def plan(self, cluster: WriteCluster, item: Document, request: ActionRequest) -> Plan:
        """Remove the flag. Nodes have no generation: uid and flag are what the approver saw."""
        if not item.flag(*_FLAG):
            raise PermanentError(f"{Entity.parse(request.target).label} takes new pods already")
        return Plan(part={"unschedulable": True}, operations=drop(item, _FLAG), state={}, by_generation=False)

    @override
    async def reversal(
        self, cluster: WriteCluster, item: Document, request: ActionRequest, state: Document
    ) -> Sequence[Operation]:
        """Set the flag again."""
        if item.flag(*_FLAG):
            raise ConflictError("not undone: somebody cordoned the node since")
        return put(item, _FLAG, True)

    @override
    def progress(self, item: Document, request: ActionRequest) -> tuple[bool, str]:
        """The flag is all there is."""
        return True, "cordoned" if item.flag(*_FLAG) else "takes new pods"

    @override
    def summarise(self, request: ActionRequest, snapshot: Snapshot) -> tuple[str, str]:
        """`Uncordon node worker-2`, `cordon it again`."""
        return f"Uncordon {Entity.parse(request.target).label}", f"cordon it again, about {self.card.undo_seconds} s"


ACTION = UncordonNode()
