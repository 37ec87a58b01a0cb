"""Set the number of pods of a workload."""

from collections.abc import Sequence

from typing_extensions import override

from incidents.action import ActionRequest, Reversibility, Snapshot
from incidents.bound import Narrowable, Order, Unit
from incidents.entity import Entity, EntityKind
from incidents.ids import ActionKind
from tools.action import ActionCard
from tools.errors import ConflictError, PermanentError
from tools.estate import WriteCluster
from tools.kubernetes.access import Need
from tools.kubernetes.change import ConditionalChange, Plan
from tools.kubernetes.document import Document
from tools.kubernetes.json_patch import Operation, put
from tools.kubernetes.managers import SEES_AUTOSCALERS, autoscaler_of, gitops_warnings
from tools.kubernetes.workload import read_workload

MAX_REPLICAS = 1000
"""Above this a number is a mistake rather than a wish."""


class ScaleWorkload(ConditionalChange):
    """`spec.replicas`, conditional on what was approved."""

    card = ActionCard(
        kind=ActionKind("scale_workload"),
        title="Scale a workload",
        describe="Sets the number of pods. An autoscaler on the same workload sets it again to what it wants.",
        targets=(EntityKind.DEPLOYMENT, EntityKind.STATEFULSET),
        arguments={"replicas": "number of pods, 0 to 1000"},
        required=("replicas",),
        narrows={"replicas": Narrowable(order=Order.BETWEEN, unit=Unit.COUNT, present="replicas")},
        reversibility=Reversibility.EXACT,
        undo_seconds=30,
    )
    needs = (
        *(
            Need(verb=verb, resource=name, group="apps")
            for name in ("deployments", "statefulsets")
            for verb in ("get", "patch")
        ),
        SEES_AUTOSCALERS,
    )

    @override
    async def plan(self, cluster: WriteCluster, item: Document, request: ActionRequest) -> Plan:
        """Set spec.replicas."""
        entity, wanted, present = Entity.parse(request.target), _wanted(request), _present(item)
        if wanted == present:
            raise PermanentError(f"{entity.label} already has {present} replicas")
        autoscaler = await autoscaler_of(cluster, entity)
        said = [f"autoscaler {autoscaler} scales it: it sets the number again"] if autoscaler else []
        if wanted == 0:
            said.append("no pod will be left: whoever calls it gets no answer")
        return Plan(
            part={"replicas": present},
            operations=put(item, ["spec", "replicas"], wanted),
            state={"replicas": present},
            facets={"replicas": str(present)},
            warnings=(*gitops_warnings(item), *said),
            by_generation=False,
        )

    @override
    async def reversal(
        self, cluster: WriteCluster, item: Document, request: ActionRequest, state: Document
    ) -> Sequence[Operation]:
        """Set the captured number, unless somebody set another one since."""
        if _present(item) != _wanted(request):
            raise ConflictError(f"not undone: it was scaled to {_present(item)} since")
        return put(item, ["spec", "replicas"], state.count("replicas"))

    @override
    def progress(self, item: Document, request: ActionRequest) -> tuple[bool, str]:
        """Whether as many pods as are wanted are there and ready."""
        workload = read_workload(item, cluster="-", kind=Entity.parse(request.target).kind)
        replicas = workload.replicas
        done = not workload.behind and replicas.current == replicas.desired and replicas.ready >= replicas.desired
        return done, f"{replicas.ready}/{replicas.desired} ready"

    @override
    def summarise(self, request: ActionRequest, snapshot: Snapshot) -> tuple[str, str]:
        """`Scale checkout from 2 to 6`, `scale back to 2`."""
        name, before = Entity.parse(request.target).label, snapshot.fence.facets["replicas"]
        undo = f"scale back to {before}, about {self.card.undo_seconds} s"
        return f"Scale {name} from {before} to {_wanted(request)}", undo


def _present(item: Document) -> int:
    replicas = item.whole("spec", "replicas")
    return 1 if replicas is None else replicas


def _wanted(request: ActionRequest) -> int:
    given = request.arguments.get("replicas")
    try:
        wanted = round(float(given)) if given is not None and not isinstance(given, bool) else -1
    except ValueError:
        wanted = -1
    if not 0 <= wanted <= MAX_REPLICAS:
        raise PermanentError(f"replicas must be a number from 0 to {MAX_REPLICAS}, not {given!r}")
    return wanted


ACTION = ScaleWorkload()
