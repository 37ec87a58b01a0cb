"""Finds changes by hand: a person's client wrote to a live object, past GitOps and CI."""

from collections.abc import Iterator

from agents.cicd.drift import Drifts, drifts_of
from agents.cicd.edits import Write, manual_edits
from agents.cicd.happenings import label
from agents.cicd.period import period_of
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time, listed
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.workload import Workloads

SPEC = FactSpec(
    kind=FactKind("change.manual"),
    role=FactRole.CHANGE,
    meaning="Somebody changed a live object by hand, past GitOps and CI (kubectl edit, patch, scale, a dashboard).",
    attributes={
        "manager": "client that wrote it; absent when only the difference to Git is known",
        "actor": "the same, or `unknown`",
        "fields": "what it wrote, comma separated",
        "field": "exact path, when it is one",
        "before": "what Git says, where Argo CD compares",
        "after": "what lives",
        "created": "whether the object was created by it",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per object and client, and one per object that differs from Git without a known writer."""
    period, drifts = period_of(scene), drifts_of(sightings)
    edits = manual_edits(sightings)
    for edit in period.chosen(edits, at=lambda one: one.at, entities=lambda one: one.touches):
        yield _of_edit(edit, drifts, scene)
    told = {edit.entity for edit in edits}
    yield from _of_drift(drifts, told, scene)


def _of_edit(edit: Write, drifts: Drifts, scene: Scene) -> Fact:
    drifted = [one for one in drifts.of(edit.entity) if edit.wrote(one.change.path)]
    only = drifted[0].change if len(drifted) == 1 else None
    names = [one.change.path for one in drifted] or list(edit.fields)
    at = f" at {clock_time(edit.at, now=scene.now)}" if edit.at else ""
    did = "created" if edit.created else "changed"
    values = f" {only.before or 'none'} -> {only.after or 'none'}" if only else ""
    what = "" if edit.created else f" ({listed(_short(name) for name in names)}{values})"
    return state(
        SPEC,
        entity=edit.entity,
        text=f"{label(edit.entity)} was {did} by hand with {edit.manager}{what}{at}",
        seen=(edit.seen, *(one.seen for one in drifted)),
        at=edit.at,
        related=edit.related,
        strength=edit.manual,
        detector=DETECTOR.name,
        manager=edit.manager,
        actor=edit.manager,
        fields=", ".join(names),
        field=names[0] if len(names) == 1 else None,
        before=only.before if only else None,
        after=only.after if only else None,
        created=edit.created,
    )


def _of_drift(drifts: Drifts, told: set[EntityId], scene: Scene) -> Iterator[Fact]:
    for entity, group in drifts.by_entity.items():
        if entity in told:
            continue
        changes = [one.change for one in group]
        only = changes[0] if len(changes) == 1 else None
        values = f" {only.before or 'none'} -> {only.after or 'none'}" if only else ""
        at = group[0].at
        when = f", written at {clock_time(at, now=scene.now)}" if at else ""
        yield state(
            SPEC,
            entity=entity,
            text=f"{label(entity)} differs from Git ({listed(_short(c.path) for c in changes)}{values}){when}",
            seen=[one.seen for one in group],
            at=at,
            strength=group[0].strength,
            detector=DETECTOR.name,
            actor=group[0].manager or "unknown",
            manager=group[0].manager or None,
            fields=", ".join(change.path for change in changes),
            field=only.path if only else None,
            before=only.before if only else None,
            after=only.after if only else None,
        )


def _short(path: str) -> str:
    return path.removeprefix("spec.template.spec.").removeprefix("spec.")


DETECTOR = Detector(name="cicd.manual", emits=(SPEC,), needs=(Workloads,), detect=detect)
