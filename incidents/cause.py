"""A known kind of root cause, as its runbook describes it: what it predicts, what refutes it, what repairs it."""

from enum import StrEnum

from incidents.ids import ActionKind, CauseSlug, Digest, FactKind
from incidents.value import Scalar, Value


class Scope(StrEnum):
    """What kind of entity a cause is bound to."""

    WORKLOAD = "workload"
    POD = "pod"
    NODE = "node"
    SERVICE = "service"
    INGRESS = "ingress"
    NAMESPACE = "namespace"
    PVC = "persistentvolumeclaim"
    CLUSTER = "cluster"
    EXTERNAL = "external"
    """A dependency outside the cluster, named by host."""


class Alternative(Value):
    """One line of `must`, `likely` or `never`: any of these fact kinds satisfies it (`a | b` in the runbook)."""

    kinds: tuple[FactKind, ...]
    where: dict[FactKind, tuple[dict[str, tuple[str, ...]], ...]] = {}
    """For kinds that count only with certain attributes, written `kind(reason=taint)`: the conditions of which one has
    to hold, each attribute -> accepted values."""
    weight: float = 1.0
    """Relative weight within its list; 1 unless the runbook says otherwise (`kind: 2`)."""


class Expression(Value):
    """A quantity computed from a fact: `1.3 x memory.at_limit.peak` is factor, fact kind, attribute."""

    factor: float = 1.0
    fact: FactKind
    attribute: str


class ActionHint(Value):
    """An action that repairs the cause, with arguments that are constants or computed from facts of the case."""

    kind: ActionKind
    arguments: dict[str, Expression | Scalar] = {}


class Cause(Value):
    """One cause. Facts in `must` all have to hold; `likely` speak for it; `never` refute it."""

    slug: CauseSlug
    title: str
    scope: Scope
    alerts: tuple[str, ...] = ()
    must: tuple[Alternative, ...] = ()
    likely: tuple[Alternative, ...] = ()
    never: tuple[Alternative, ...] = ()
    actions: tuple[ActionHint, ...] = ()
    success: tuple[str, ...] = ()
    must_not_worsen: tuple[str, ...] = ()
    caution: str = ""
    owners: tuple[str, ...] = ()
    runbook: str
    """File name of the runbook, for example `memory-limit-too-low.md`."""
    runbook_digest: Digest
