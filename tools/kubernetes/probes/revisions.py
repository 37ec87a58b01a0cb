"""Rollout history: the kept revisions of workloads with the exact fields that changed from one to the next."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from incidents.action import FieldChange
from incidents.canonical import digest_of
from incidents.entity import EntityKind
from incidents.evidence import Source
from tools.estate import Cluster
from tools.kubernetes.commit import commit_of
from tools.kubernetes.document import Document
from tools.kubernetes.field_path import field_changes
from tools.kubernetes.history import Kept, kept_revisions
from tools.kubernetes.metadata import FieldManager, read_meta
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel
from tools.kubernetes.probes.workloads import KINDS
from tools.kubernetes.resources import CONTROLLER_REVISIONS, RESOURCES
from tools.kubernetes.revision import Revision, Rollout, Rollouts
from tools.kubernetes.scope import Found, Where, list_in, list_kind
from tools.kubernetes.template import read_template
from tools.probe import Observation, Probe

MAX_REVISIONS = 10
"""Newest revisions per workload that are shown; it is also what Kubernetes keeps by default."""
_CAUSE = "kubernetes.io/change-cause"


async def run(cluster: Cluster, where: Where) -> Observation[Rollouts]:
    """Read the history of the scope's workloads. Raises ToolError."""
    target = where.target
    kinds = (target.kind,) if target is not None and target.kind in KINDS else KINDS
    keeping = [RESOURCES[EntityKind.REPLICASET]] if EntityKind.DEPLOYMENT in kinds else []
    keeping += [CONTROLLER_REVISIONS] if set(kinds) - {EntityKind.DEPLOYMENT} else []
    async with parallel() as group:
        workloads = [group.create_task(list_kind(cluster, kind, where)) for kind in kinds]
        kept = [group.create_task(list_in(cluster, resource, Where(namespace=where.place))) for resource in keeping]
    owners = [task.result() for task in workloads]
    history = [task.result() for task in kept]
    rollouts = _rollouts(cluster.name, zip(kinds, owners, strict=True), [item for one in history for item in one.items])
    return observed(
        cluster,
        Rollouts(rollouts=tuple(rollouts)),
        probe=PROBE.name,
        title="rollout history",
        where=where,
        found=[*owners, *history],
        entities=[rollout.workload for rollout in rollouts],
    )


def _rollouts(cluster: str, owners: Iterable[tuple[EntityKind, Found]], kept: Iterable[Document]) -> list[Rollout]:
    by_owner: dict[str, list[Document]] = {}
    for item in kept:
        for owner in item.items("metadata", "ownerReferences"):
            if owner.flag("controller"):
                by_owner.setdefault(owner.word("uid"), []).append(item)
    found = [
        rollout_of(workload, by_owner.get(workload.word("metadata", "uid"), []), cluster=cluster, kind=kind)
        for kind, one in owners
        for workload in one.items
    ]
    return sorted(found, key=_newest, reverse=True)


def _newest(rollout: Rollout) -> datetime:
    return max((revision.deployed for revision in rollout.revisions if revision.deployed), default=_NEVER)


_NEVER = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def rollout_of(workload: Document, kept: list[Document], *, cluster: str, kind: EntityKind) -> Rollout:
    """The history of one workload from the objects that keep it."""
    meta = read_meta(workload, cluster=cluster, kind=kind, managers=True)
    newest_first = kept_revisions(workload, kept, kind=kind)[: MAX_REVISIONS + 1]
    revisions = [
        _revision(
            one,
            before=newest_first[place + 1] if place + 1 < len(newest_first) else None,
            workload=workload,
            managers=meta.managers if one.current else (),
        )
        for place, one in enumerate(newest_first[:MAX_REVISIONS])
    ]
    return Rollout(workload=meta.entity, kind=kind, uid=meta.uid, revisions=tuple(revisions))


def _writer(managers: Sequence[FieldManager], changes: Sequence[FieldChange]) -> FieldManager | None:
    """Who wrote what changed last; who wrote the template last when nobody is on record for the change itself."""
    paths = {change.path for change in changes}
    writers = [m for m in managers if m.at and any(field.startswith("spec.template") for field in m.fields)]
    responsible = [m for m in writers if paths & set(m.fields)]
    return max(responsible or writers, key=lambda manager: manager.at or _NEVER, default=None)


def _revision(one: Kept, *, before: Kept | None, workload: Document, managers: Sequence[FieldManager]) -> Revision:
    template = read_template(Document({"metadata": one.template.json("metadata"), "spec": one.template.json("spec")}))
    marks = {**one.annotations, **one.template.mapping("metadata", "annotations")}
    if one.current:
        marks = {**workload.mapping("metadata", "annotations"), **marks}
    changes = field_changes(before.template.json(), one.template.json(), prefix="spec.template") if before else ()
    writer = _writer(managers, changes)
    written = writer.at if writer and one.history else None
    return Revision(
        number=one.number,
        name=one.name,
        created=one.created,
        deployed=written or one.created,
        current=one.current,
        replicas=one.replicas,
        ready=one.ready,
        images=template.images,
        cause=one.annotations.get(_CAUSE, ""),
        commit=commit_of(marks, template.labels, template.images),
        actor=writer.manager if writer else "",
        template=template,
        template_digest=digest_of(one.template.json()),
        changes=changes,
        history=one.history,
    )


PROBE = Probe(
    name="kubernetes.revisions",
    source=Source.KUBERNETES,
    describe="Rollout history of Deployments, StatefulSets and DaemonSets: when each template was deployed, by whom, "
    "from which commit, and exactly which fields changed from the revision before. Ask what changed on a workload.",
    args=Where,
    view=Rollouts,
    run=run,
)
