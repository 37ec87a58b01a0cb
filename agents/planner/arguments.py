"""Arguments of an action: constants of the runbook, figures of facts, names of the inventory. No more (invariant 9).

What has to be taken from a text is held against a strict form first, so that no sentence can pass as a name.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from agents.diagnostician.places import SCOPES, kind_of
from agents.planner.delivery import drifted, release, sync_of
from agents.planner.evidence import Known
from agents.planner.gitops import APPLICATION_ROLLBACK, REVERT, ROLLBACK, SYNC
from agents.planner.quantities import as_argument, number_of
from agents.planner.replicas import SIZE, UnknownSizeError, figure, for_the_load, within_the_autoscaler
from incidents.cause import ActionHint, Expression, Scope
from incidents.fact import Fact
from incidents.ids import ActionKind, EntityId, FactKind
from incidents.topology import Relation
from incidents.value import Scalar
from tools.action import ActionCard

SCALE, RESTART = ActionKind("scale_workload"), ActionKind("restart_workload")
ENDED = frozenset({FactKind("certificate.expired"), FactKind("certificate.expiring")})
SYNC_FAILED = FactKind("argocd.sync_failed")
COMMIT = re.compile(r"[0-9a-f]{7,40}")
CONTAINER = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""A DNS label, as Kubernetes demands of container names."""

MEMORY_LIMITS = ((FactKind("memory.at_limit"), "limit"), (FactKind("container.oom_killed"), "limit_bytes"))


class NoArgumentError(Exception):
    """An argument cannot be had from facts and inventory; the message says which and why."""


def arguments(hint: ActionHint, *, card: ActionCard, target: EntityId, known: Known) -> dict[str, Scalar]:
    """All arguments. Raises NoArgumentError when one that is needed cannot be had, or would not help."""
    given = _given(hint, card=card, target=target, known=known)
    complete = bool(card.required) and given.keys() >= set(card.required)
    filled = dict(given) if complete else {**IMPLIED.get(hint.kind, _nothing)(card, target, known), **given}
    if missing := [name for name in card.required if name not in filled]:
        raise NoArgumentError(f"nothing that was seen says its {', '.join(missing)}")
    if "replicas" in filled:
        filled["replicas"] = _replicas(filled["replicas"], target=target, known=known)
    _would_help(filled, target=target, known=known)
    return filled


def _replicas(wanted: Scalar, *, target: EntityId, known: Known) -> Scalar:
    number = number_of(wanted)
    if number is None:
        return wanted
    allowed, present = (
        within_the_autoscaler(int(number), target, known=known),
        figure(SIZE, "replicas", target, known=known),
    )
    if allowed < number and present is not None and allowed <= present:
        raise NoArgumentError(f"its autoscaler allows no more than {allowed} pods")
    return allowed


def _given(hint: ActionHint, *, card: ActionCard, target: EntityId, known: Known) -> dict[str, Scalar]:
    """What the runbook says. Figures of one action are all of one container: of the first that has them all."""
    if "container" not in card.arguments or "container" in hint.arguments:
        return _computed(hint, container=None, target=target, known=known)
    refused: NoArgumentError | None = None
    for container in _containers(known):
        try:
            return {"container": container, **_computed(hint, container=container, target=target, known=known)}
        except NoArgumentError as error:
            refused = refused or error
    if refused is not None:
        raise refused
    return _computed(hint, container=None, target=target, known=known)


def _computed(hint: ActionHint, *, container: str | None, target: EntityId, known: Known) -> dict[str, Scalar]:
    values = hint.arguments.items()
    return {name: _value(name, value, container=container, target=target, known=known) for name, value in values}


def _value(name: str, value: Expression | Scalar, *, container: str | None, target: EntityId, known: Known) -> Scalar:
    if not isinstance(value, Expression):
        return value
    facts = _measured(value, target=target, known=known)
    fitting = (fact for fact in facts if _is_about(fact, name, container=container))
    number = next((n for fact in fitting if (n := number_of(fact.attributes[value.attribute])) is not None), None)
    if number is None:
        raise NoArgumentError(f"{name} is computed from {value.fact}.{value.attribute}, which was not seen")
    return as_argument(name, number * value.factor)


def _is_about(fact: Fact, name: str, *, container: str | None) -> bool:
    """Whether what was measured is of that container, and of what the argument is about: `cpu_request` wants cores."""
    resource = fact.attributes.get("resource")
    same_resource = not isinstance(resource, str) or name.partition("_")[0] == resource
    return same_resource and (container is None or fact.attributes.get("container", container) == container)


def _measured(value: Expression, *, target: EntityId, known: Known) -> list[Fact]:
    """Near what is blamed; where something else is changed (the pods behind a service), only what is said of that."""
    near = target == known.entity or kind_of(known.entity) in SCOPES[Scope.WORKLOAD]
    facts = known.facts([value.fact], entity=None if near else target)
    return [fact for fact in facts if value.attribute in fact.attributes and (near or fact.entity == target)]


def _would_help(filled: Mapping[str, Scalar], *, target: EntityId, known: Known) -> None:
    """A memory limit that is not above the one that was hit changes nothing."""
    wanted = number_of(filled["memory_limit"]) if "memory_limit" in filled else None
    container = filled.get("container")
    for kind, attribute in MEMORY_LIMITS if wanted is not None else ():
        hit = (f for f in known.facts([kind], entity=target) if f.attributes.get("container", container) == container)
        found = next((fact.attributes[attribute] for fact in hit if attribute in fact.attributes), None)
        present = number_of(found) if found is not None else None
        if present is not None and wanted is not None and wanted <= present:
            raise NoArgumentError(f"a limit of {filled['memory_limit']} is not above the one it has")


def _nothing(card: ActionCard, target: EntityId, known: Known) -> dict[str, Scalar]:
    del card, target, known
    return {}


def _containers(known: Known) -> tuple[str, ...]:
    """The containers that the facts of the argument name, each once."""
    facts = sorted((fact for fact in known.case.facts if fact.id in known.cited), key=lambda fact: (fact.kind, fact.id))
    names = (fact.attributes.get("container") for fact in facts)
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and CONTAINER.fullmatch(name)))


def _rollback(card: ActionCard, target: EntityId, known: Known) -> dict[str, Scalar]:
    """The revision before the blamed change; not simply the previous one, as others may have come since."""
    change = known.template_change(target) or (release(target, known=known))
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
    del card
    commit = next((one for one in _commits(target, known) if isinstance(one, str) and COMMIT.fullmatch(one)), None)
    if commit is None:
        raise NoArgumentError("no commit is known to have brought the change")
    return {"commit": commit}


def _commits(repository: EntityId, known: Known) -> Iterator[Scalar | None]:
    """Of the blamed change, of the release or sync that brought what is wrong, of the sync that failed."""
    for change in (known.change, release(known.entity, known=known)):
        yield known.of_deploy(change, "commit") if change else None
    for application in known.case.topology.sources(repository, Relation.BUILT_FROM):
        sync = sync_of(application, known=known)
        yield sync.attributes.get("commit") if sync else None
        if known.entity in known.case.topology.targets(application, Relation.DEPLOYS):
            failed = [f for f in known.case.facts if f.kind == SYNC_FAILED and f.entity == application]
            yield from (fact.attributes.get("commit") for fact in failed if fact.id in known.cited)


def _application_rollback(card: ActionCard, target: EntityId, known: Known) -> dict[str, Scalar]:
    if known.change is not None and known.by_hand(known.change):
        raise NoArgumentError("no sync of the application brought the change: it was made by hand")
    workloads = known.case.topology.targets(target, Relation.DEPLOYS) or (known.entity,)
    brought = next(filter(None, (known.template_change(workload) for workload in workloads)), None) or next(
        filter(None, (release(workload, known=known) for workload in workloads)), None
    )
    found = known.of_deploy(brought, "previous_history_id") if brought else None
    if brought is None:
        sync = sync_of(target, known=known)
        if sync is None:
            raise NoArgumentError("nothing that the application deploys changed before it began")
        found = sync.attributes.get("previous_history_id")
        if found is None:
            raise NoArgumentError("no earlier state of the application is kept")
    number = number_of(found) if found is not None else None
    return {"to_id": int(number)} if number is not None and "to_id" in card.arguments else {}


def _sync(card: ActionCard, target: EntityId, known: Known) -> dict[str, Scalar]:
    del card
    objects = drifted(target, known=known)
    if not objects:
        raise NoArgumentError("nothing that it manages here is known to differ from Git")
    return {"objects": ",".join(objects)}


def _scale(card: ActionCard, target: EntityId, known: Known) -> dict[str, Scalar]:
    del card
    try:
        return {"replicas": for_the_load(target, known=known)}
    except UnknownSizeError as error:
        raise NoArgumentError(str(error)) from None


def _restart(card: ActionCard, target: EntityId, known: Known) -> dict[str, Scalar]:
    """A new process reads its certificate again: no help when the one that is kept has ended as well."""
    del card
    kept = [f for f in known.case.facts if f.kind in ENDED and f.entity in known.places.own(target)]
    if any(fact.id in known.cited for fact in kept):
        raise NoArgumentError(f"a restart would load the same certificate again: {kept[0].text}")
    return {}


IMPLIED: Mapping[ActionKind, Callable[[ActionCard, EntityId, Known], dict[str, Scalar]]] = {
    ROLLBACK: _rollback,
    REVERT: _revert,
    APPLICATION_ROLLBACK: _application_rollback,
    SYNC: _sync,
    SCALE: _scale,
    RESTART: _restart,
}
"""Actions whose arguments follow from the change that is blamed."""
