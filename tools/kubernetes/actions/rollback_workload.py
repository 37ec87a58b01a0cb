"""Put an earlier revision of a workload's template back, whole, from its ReplicaSet or ControllerRevision."""

from collections.abc import Sequence

from typing_extensions import override

from incidents.action import ActionRequest, Reversibility, Snapshot
from incidents.canonical import Json, digest_of
from incidents.entity import Entity, EntityKind
from incidents.ids import ActionKind
from tools.action import ActionCard
from tools.errors import ConflictError, PermanentError
from tools.estate import WriteCluster
from tools.kubernetes.access import Need
from tools.kubernetes.change import ConditionalChange, Plan, client_of
from tools.kubernetes.document import Document
from tools.kubernetes.history import Kept, kept_revisions, plain_template
from tools.kubernetes.json_patch import Operation, pointer
from tools.kubernetes.managers import SEES_AUTOSCALERS, autoscaler_of, gitops_warnings
from tools.kubernetes.resources import CONTROLLER_REVISIONS, RESOURCES
from tools.kubernetes.rollout_status import rollout_status
from tools.kubernetes.template import read_template
from tools.kubernetes.workload import read_workload

_CAUSE = "kubernetes.io/change-cause"
_PLURALS = ("deployments", "statefulsets", "daemonsets")


class RollbackWorkload(ConditionalChange):
    """`kubectl rollout undo`, to an exact revision, conditional on what was approved."""

    card = ActionCard(
        kind=ActionKind("rollback_workload"),
        title="Roll a workload back",
        describe="Puts the pod template of an earlier revision back. ConfigMaps and Secrets stay as they are.",
        targets=(EntityKind.DEPLOYMENT, EntityKind.STATEFULSET, EntityKind.DAEMONSET),
        arguments={"to_revision": "number of the revision to go back to; the one before the current when not given"},
        reversibility=Reversibility.EXACT,
        undo_seconds=40,
    )
    needs = (
        *(Need(verb=verb, resource=name, group="apps") for name in _PLURALS for verb in ("get", "patch")),
        Need(verb="list", resource="replicasets", group="apps"),
        Need(verb="list", resource="controllerrevisions", group="apps"),
        SEES_AUTOSCALERS,
    )

    @override
    async def plan(self, cluster: WriteCluster, item: Document, request: ActionRequest) -> Plan:
        """Replace the template by that of the revision."""
        entity = Entity.parse(request.target)
        kept = await _kept(cluster, item, entity)
        current = _current(kept, item)
        goal = _goal(kept, current, request)
        template, wanted = plain_template(item.at("spec", "template")).json(), goal.template.json()
        if template == wanted:
            raise PermanentError(f"{entity.label} already has the template of revision {goal.number}")
        autoscaler = await autoscaler_of(cluster, entity)
        return Plan(
            part={"template": template, "goal": wanted},
            operations=[*_replace(wanted), *_cause(goal)],
            state={
                "revision": current.number,
                "to_revision": goal.number,
                "template": digest_of(template),
                "goal": digest_of(wanted),
            },
            facets={"revision": str(current.number), "to_revision": str(goal.number)},
            warnings=(*gitops_warnings(item), *_warnings(item, goal)),
            by_generation=not autoscaler,
        )

    @override
    async def reversal(
        self, cluster: WriteCluster, item: Document, request: ActionRequest, state: Document
    ) -> Sequence[Operation]:
        """Replace the template by the captured one, found again among the kept revisions by its digest."""
        entity = Entity.parse(request.target)
        if digest_of(plain_template(item.at("spec", "template")).json()) != state.word("goal"):
            raise ConflictError(f"not undone: the template of {entity.label} was changed again since")
        before = state.word("template")
        for one in await _kept(cluster, item, entity):
            if digest_of(one.template.json()) == before:
                return [*_replace(one.template.json()), *_cause(one)]
        number = state.whole("revision")
        raise PermanentError(f"revision {number} of {entity.label} is no longer kept: it cannot be put back")

    @override
    def progress(self, item: Document, request: ActionRequest) -> tuple[bool, str]:
        """Of the rollout."""
        status = rollout_status(read_workload(item, cluster="-", kind=Entity.parse(request.target).kind))
        return status.done, status.text

    @override
    def summarise(self, request: ActionRequest, snapshot: Snapshot) -> tuple[str, str]:
        """`Roll checkout back to revision 41`, `put revision 42 back, about 40 s`."""
        facets, name = snapshot.fence.facets, Entity.parse(request.target).label
        undo = f"put revision {facets['revision']} back, about {self.card.undo_seconds} s"
        return f"Roll {name} back to revision {facets['to_revision']}", undo


async def _kept(cluster: WriteCluster, item: Document, entity: Entity) -> list[Kept]:
    deployment = entity.kind is EntityKind.DEPLOYMENT
    resource = RESOURCES[EntityKind.REPLICASET] if deployment else CONTROLLER_REVISIONS
    listing = await client_of(cluster).list(resource.collection(entity.namespace))
    uid = item.word("metadata", "uid")
    own = [one for one in listing.items if any(o.word("uid") == uid for o in one.items("metadata", "ownerReferences"))]
    return kept_revisions(item, own, kind=entity.kind)


def _current(kept: Sequence[Kept], item: Document) -> Kept:
    """The revision whose template the workload has; a rollout that has not been seen yet has none."""
    template = plain_template(item.at("spec", "template")).json()
    found = next((one for one in kept if one.template.json() == template), None) or next(
        (one for one in kept if one.current), None
    )
    if found is None:
        raise PermanentError("its rollout history cannot be read: no revision is kept for the current template")
    return found


def _goal(kept: Sequence[Kept], current: Kept, request: ActionRequest) -> Kept:
    wanted = request.arguments.get("to_revision")
    if wanted is None:
        found = next((one for one in kept if one.number < current.number), None)
    else:
        found = next((one for one in kept if one.number == int(wanted)), None)
    if found is None:
        known = ", ".join(str(one.number) for one in kept) or "none"
        raise PermanentError(f"no such revision to go back to (asked {wanted or 'the previous one'}, kept: {known})")
    return found


def _replace(template: Json) -> list[Operation]:
    return [{"op": "replace", "path": "/spec/template", "value": template}]


def _cause(goal: Kept) -> list[Operation]:
    """The change-cause belongs to the template, as `kubectl rollout undo` has it. Annotations are there by then."""
    cause = goal.annotations.get(_CAUSE)
    return [{"op": "add", "path": pointer("metadata", "annotations", _CAUSE), "value": cause}] if cause else []


def _warnings(item: Document, goal: Kept) -> tuple[str, ...]:
    said: list[str] = []
    mutable = [c.image for c in read_template(goal.template).containers if c.tag in {"latest", "stable", "main"}]
    if mutable:
        said.append(f"image {mutable[0]} has a tag that moves: the old revision may not bring the old image back")
    if item.word("spec", "updateStrategy", "type") == "OnDelete":
        said.append("its update strategy is OnDelete: pods keep the present template until they are deleted")
    if item.flag("spec", "paused"):
        said.append("its rollout is paused: nothing happens until it is resumed")
    return tuple(said)


ACTION = RollbackWorkload()
