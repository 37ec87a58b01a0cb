"""Finds environment variables that a rollout set, changed or removed. Values under secret names never get here."""

from collections.abc import Iterable, Iterator

from agents.cicd.telling import PartChange, change_spec, from_to, part_changes, tell
from agents.cicd.template_part import TemplatePart
from agents.detector import Detector, Scene, Sightings
from agents.wording import count, listed
from incidents.action import FieldChange
from incidents.fact import Fact
from tools.kubernetes.field_path import place_of
from tools.kubernetes.revision import Rollouts

SPEC = change_spec(
    "change.env_changed",
    "A rollout changed environment variables with literal values.",
    names="all variables that changed, comma separated",
    added="variables that are new, comma separated",
    removed="variables that are gone, comma separated",
)


def variables(changes: Iterable[FieldChange]) -> dict[str, FieldChange]:
    """Variable -> its value before and after."""
    found: dict[str, FieldChange] = {}
    for change in changes:
        name = place_of(change.path).env_name
        if name and (name not in found or change.path.endswith(".value")):
            found[name] = change
    return found


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per container and rollout."""
    for one in part_changes(sightings, scene, TemplatePart.ENV):
        named = variables(one.changes)
        only = next(iter(named.values())) if len(named) == 1 else None
        yield tell(
            SPEC,
            one,
            does=_does(one, named),
            scene=scene,
            detector=DETECTOR.name,
            names=", ".join(named) or None,
            added=", ".join(name for name, change in named.items() if change.before is None) or None,
            removed=", ".join(name for name, change in named.items() if change.after is None) or None,
            field=only.path if only else one.changes[0].path,
            before=only.before if only else None,
            after=only.after if only else None,
        )


def _does(one: PartChange, named: dict[str, FieldChange]) -> str:
    if len(named) == 1:
        name, change = next(iter(named.items()))
        return f"changed {name} of {one.where} {from_to(change)}"
    return f"changed {count(len(named), 'variable')} of {one.where} ({listed(named)})"


DETECTOR = Detector(name="cicd.env_changed", emits=(SPEC,), needs=(Rollouts,), detect=detect)
