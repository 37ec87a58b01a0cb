"""Cards of the action catalogue as tests need them: the kinds, targets and arguments that the product's actions declare."""

from incidents.action import Reversibility
from incidents.entity import EntityKind
from tools.action import ActionCard

WORKLOADS = (EntityKind.DEPLOYMENT, EntityKind.STATEFULSET, EntityKind.DAEMONSET)


def card(
    kind: str,
    *targets: EntityKind,
    arguments: tuple[str, ...] = (),
    required: tuple[str, ...] = (),
    reversibility: Reversibility = Reversibility.EXACT,
) -> ActionCard:
    return ActionCard(
        kind=kind,
        title=kind.replace("_", " ").capitalize(),
        describe="",
        targets=targets,
        arguments=dict.fromkeys(arguments, "what it is"),
        required=required,
        reversibility=reversibility,
        undo_seconds=40,
    )


CARDS = {
    one.kind: one
    for one in (
        card("rollback_workload", *WORKLOADS, arguments=("to_revision",)),
        card("restart_workload", *WORKLOADS, reversibility=Reversibility.COMPENSATED),
        card("scale_workload", *WORKLOADS[:2], arguments=("replicas",), required=("replicas",)),
        card(
            "set_resources",
            *WORKLOADS,
            arguments=("container", "memory_limit", "memory_request", "cpu_limit", "cpu_request"),
            required=("container",),
        ),
        card("cordon_node", EntityKind.NODE),
        card("delete_pod", EntityKind.POD, reversibility=Reversibility.IRREVERSIBLE),
        card("argocd_rollback", EntityKind.APPLICATION, arguments=("to_id",)),
        card(
            "revert_pull_request",
            EntityKind.REPOSITORY,
            arguments=("commit",),
            required=("commit",),
            reversibility=Reversibility.COMPENSATED,
        ),
    )
}
