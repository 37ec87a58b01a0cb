"""Whether Git owns what is to be changed, and which way of changing it then comes first."""

from enum import StrEnum

from agents.planner.evidence import Known
from incidents.ids import ActionKind, EntityId, FactKind
from incidents.topology import Relation

AUTO_SYNC_OFF = FactKind("argocd.auto_sync_off")
REVERT = ActionKind("revert_pull_request")
APPLICATION_ROLLBACK = ActionKind("argocd_rollback")
SYNC = ActionKind("argocd_sync")
ROLLBACK = ActionKind("rollback_workload")
IMPERATIVE = frozenset({ROLLBACK, ActionKind("set_resources"), ActionKind("scale_workload")})
"""Actions that change the desired state in the cluster, behind Git's back."""


class Ownership(StrEnum):
    """Who says what a workload shall be."""

    CLUSTER = "cluster"
    """Nobody but the cluster itself."""
    GIT = "git"
    """An Argo CD application that is synchronised by hand."""
    GIT_AUTOMATIC = "git_automatic"
    """An Argo CD application that puts Git's state back by itself."""


ORDER: dict[Ownership, tuple[ActionKind, ...]] = {
    Ownership.CLUSTER: (),
    Ownership.GIT: (APPLICATION_ROLLBACK, REVERT),
    Ownership.GIT_AUTOMATIC: (APPLICATION_ROLLBACK, REVERT),
}
"""Ways through Git, best first: what stops the pain at once comes before a pull request that somebody has to merge."""


def application_of(known: Known, entity: EntityId) -> EntityId | None:
    """The Argo CD application that deploys it."""
    return next(iter(known.case.topology.sources(entity, Relation.DEPLOYS)), None)


def ownership(known: Known, entity: EntityId) -> Ownership:
    """Who owns its desired state. Unless automatic sync was seen to be off it is taken to be on."""
    application = application_of(known, entity)
    if application is None:
        return Ownership.CLUSTER
    off = any(fact.kind == AUTO_SYNC_OFF and fact.entity in (application, entity) for fact in known.case.facts)
    return Ownership.GIT if off else Ownership.GIT_AUTOMATIC


def rank(kind: ActionKind, *, owner: Ownership) -> int:
    """Place in the order of preference; smaller is better."""
    order = ORDER[owner]
    if kind in order:
        return order.index(kind)
    return len(order) if kind in IMPERATIVE else 0
