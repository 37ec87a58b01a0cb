"""Arguments of an action: constants of the runbook, figures of facts, names of the inventory. No more (invariant 9).

What has to be taken from a text is held against a strict form first, so that no sentence can pass as a name.
"""

import re
from collections.abc import Callable, Mapping

from agents.planner.evidence import Known
from agents.planner.gitops import APPLICATION_ROLLBACK, REVERT, ROLLBACK
from agents.planner.quantities import as_argument, number_of
from incidents.cause import ActionHint, Expression
from incidents.ids import ActionKind, EntityId, FactKind
from incidents.topology import Relation
from incidents.value import Scalar
from tools.action import ActionCard

COMMIT = re.compile(r"[0-9a-f]{7,40}")
CONTAINER = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""A DNS label, as Kubernetes demands of container names."""

MEMORY_LIMITS = ((FactKind("memory.at_limit"), "limit"), (FactKind("container.oom_killed"), "limit_bytes"))


class NoArgumentError(Exception):
    """An argument cannot be had from facts and inventory; the message says which and why."""


def arguments(hint: ActionHint, *, card: ActionCard, target: EntityId, known: Known) -> dict[str, Scalar]:
    """All arguments. Raises NoArgumentError when one that is needed cannot be had, or would not help."""
    given = {name: _value(name, value, known=known) for name, value in hint.arguments.items()}
    implied = IMPLIED.get(hint.kind, _nothing)(card, target, known)
    filled = {**implied, **given}
    if missing := [name for name in card.required if name not in filled]:
        raise NoArgumentError(f"nothing that was seen says its {', '.join(missing)}")
    _would_help(filled, target=target, known=known)
    return filled


def _value(name: str, value: Expression | Scalar, *, known: Known) -> Scalar:
    if not isinstance(value, Expression):
        return value
    found = known.figure(value.fact, value.attribute)
    number = number_of(found[0]) if found else None
    if number is None:
        raise NoArgumentError(f"{name} is computed from {value.fact}.{value.attribute}, which was not seen")
    return as_argument(name, number * value.factor)


def _would_help(filled: Mapping[str, Scalar], *, target: EntityId, known: Known) -> None:
    """A memory limit that is not above the one that was hit changes nothing."""
    wanted = number_of(filled["memory_limit"]) if "memory_limit" in filled else None
    for kind, attribute in MEMORY_LIMITS if wanted is not None else ():
        found = known.figure(kind, attribute, entity=target)
        present = number_of(found[0]) if found else None
        if present is not None and wanted is not None and wanted <= present:
            raise NoArgumentError(f"a limit of {filled['memory_limit']} is not above the one it has")


def _nothing(card: ActionCard, target: EntityId, known: Known) -> dict[str, Scalar]:
    """`container` for actions that want one: the container that the facts of the argument name."""
    del target
    if "container" not in card.arguments:
        return {}
    facts = sorted((fact for fact in known.case.facts if fact.id in known.cited), key=lambda fact: (fact.kind, fact.id))
    for fact in facts:
        name = fact.attributes.get("container")
        if isinstance(name, str) and CONTAINER.fullmatch(name):
            return {"container": name}
    return {}


def _rollback(card: ActionCard, target: EntityId, known: Known) -> dict[str, Scalar]:
    """The revision before the blamed change; not simply the previous one, as others may have come since."""
    change = known.template_change(target)
    if change is None:
        raise NoArgumentError(_no_revision(known))
    revision = number_of(known.of_deploy(change, "previous_revision") or "")
    if revision is None or "to_revision" not in card.arguments:
        return {}
    return {"to_revision": int(revision)}


def _no_revision(known: Known) -> str:
    if known.change is None:
        return "no change of its template is blamed, so no earlier revision is known to be better"
    return (
        f"what changed is no part of its template, so an earlier revision does not bring it back: {known.change.text}"
    )


def _revert(card: ActionCard, target: EntityId, known: Known) -> dict[str, Scalar]:
    del card, target
    change = known.change
    commit = known.of_deploy(change, "commit") if change else None
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        raise NoArgumentError("no commit is known to have brought the change")
    return {"commit": commit}


def _application_rollback(card: ActionCard, target: EntityId, known: Known) -> dict[str, Scalar]:
    workloads = known.case.topology.targets(target, Relation.DEPLOYS) or (known.entity,)
    if not any(known.template_change(workload) for workload in workloads):
        raise NoArgumentError("nothing that the application deploys changed before it began")
    found = known.of_deploy(known.change, "previous_history_id") if known.change else None
    number = number_of(found) if found is not None else None
    return {"to_id": int(number)} if number is not None and "to_id" in card.arguments else {}


IMPLIED: Mapping[ActionKind, Callable[[ActionCard, EntityId, Known], dict[str, Scalar]]] = {
    ROLLBACK: _rollback,
    REVERT: _revert,
    APPLICATION_ROLLBACK: _application_rollback,
}
"""Actions whose arguments follow from the change that is blamed."""
