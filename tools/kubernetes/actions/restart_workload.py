"""Restart all pods of a workload, one after the other as its strategy says: `kubectl rollout restart`."""

from collections.abc import Sequence

from typing_extensions import override

from incidents.action import ActionRequest, Reversibility, Snapshot
from incidents.entity import Entity, EntityKind
from incidents.ids import ActionKind
from tools.action import ActionCard
from tools.errors import PermanentError
from tools.estate import WriteCluster
from tools.kubernetes.access import Need
from tools.kubernetes.change import ConditionalChange, Plan
from tools.kubernetes.document import Document
from tools.kubernetes.history import plain_template
from tools.kubernetes.json_patch import Operation, put
from tools.kubernetes.managers import SEES_AUTOSCALERS, autoscaler_of, gitops_warnings
from tools.kubernetes.rollout_status import rollout_status
from tools.kubernetes.workload import read_workload

RESTARTED = "kubectl.kubernetes.io/restartedAt"


class RestartWorkload(ConditionalChange):
    """A new rollout of the same template."""

    card = ActionCard(
        kind=ActionKind("restart_workload"),
        title="Restart a workload",
        describe="Replaces all pods of a workload by new ones of the same template, as its update strategy says.",
        targets=(EntityKind.DEPLOYMENT, EntityKind.STATEFULSET, EntityKind.DAEMONSET),
        arguments={},
        reversibility=Reversibility.IRREVERSIBLE,
        undo_seconds=0,
    )
    needs = (
        *(
            Need(verb=verb, resource=name, group="apps")
            for name in ("deployments", "statefulsets", "daemonsets")
            for verb in ("get", "patch")
        ),
        SEES_AUTOSCALERS,
    )

    @override
    async def plan(self, cluster: WriteCluster, item: Document, request: ActionRequest) -> Plan:
        """Write the time of the restart into the template's annotations."""
        entity = Entity.parse(request.target)
        if item.flag("spec", "paused"):
            raise PermanentError(f"the rollout of {entity.label} is paused: resume it before a restart")
        now = cluster.clock.now().replace(microsecond=0).isoformat().replace("+00:00", "Z")
        path = ["spec", "template", "metadata", "annotations", RESTARTED]
        return Plan(
            part={"template": plain_template(item.at("spec", "template")).json()},
            operations=put(item, path, now),
            state={"restarted_before": item.text(*path)},
            warnings=gitops_warnings(item),
            by_generation=not await autoscaler_of(cluster, entity),
        )

    @override
    async def reversal(
        self, cluster: WriteCluster, item: Document, request: ActionRequest, state: Document
    ) -> Sequence[Operation]:
        """There is none: the pods that ran before are gone, and the template is the same."""
        raise PermanentError("a restart cannot be taken back: the pods run the same template as before")

    @override
    def progress(self, item: Document, request: ActionRequest) -> tuple[bool, str]:
        """Of the rollout."""
        status = rollout_status(read_workload(item, cluster="-", kind=Entity.parse(request.target).kind))
        return status.done, status.text

    @override
    def summarise(self, request: ActionRequest, snapshot: Snapshot) -> tuple[str, str]:
        """`Restart checkout`."""
        return f"Restart {Entity.parse(request.target).label}", "cannot be undone; the template stays the same"


ACTION = RestartWorkload()
