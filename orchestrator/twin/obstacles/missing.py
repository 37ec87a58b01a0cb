"""Whether the revision that is gone back to can still start: its images, and the configuration it refers to. Pure."""

from incidents.entity import EntityKind
from incidents.prediction import Obstacle
from orchestrator.twin.obstacles.looked import Looked
from orchestrator.twin.trial import Trial
from tools.kubernetes.probes.template_refs import Wanted

_WORDS = {EntityKind.CONFIGMAP: "ConfigMap", EntityKind.SECRET: "Secret"}


def look(trial: Trial) -> Looked:
    """Of a rollback only."""
    if trial.goal is None:
        return Looked()
    return _images(trial) + _configuration(trial)


def _images(trial: Trial) -> Looked:
    assert trial.goal is not None, "looked at before"
    refused = [(image, trial.refused_images[image]) for image in trial.goal.images if image in trial.refused_images]
    return Looked(
        obstacles=tuple(
            Obstacle(
                what="image",
                text=f"image {image} of revision {trial.goal_revision} cannot be pulled: {told}",
                harms=True,
            )
            for image, told in refused
        ),
        not_foreseen=() if refused else ("whether the registry still has the images of that revision",),
    )


def _configuration(trial: Trial) -> Looked:
    refs = trial.around.refs
    if refs is None or refs.revision != trial.goal_revision:
        return Looked()
    gone = [_named(one) for one in refs.missing]
    lost = f"{', '.join(gone)} that it refers to {'is' if len(gone) == 1 else 'are'} gone"
    text = f"revision {refs.revision} cannot start: {lost}"
    unknown = [_named(one) for one in refs.unknown]
    return Looked(
        obstacles=(Obstacle(what="missing", text=text, harms=True),) if gone else (),
        built_from=() if gone or unknown else (f"everything that revision {refs.revision} refers to is there",),
        not_foreseen=tuple(f"whether {one} is still there: it may not be read" for one in unknown),
        evidence=(trial.around.evidence["refs"],),
    )


def _named(one: Wanted) -> str:
    kind = _WORDS.get(one.kind, one.kind.value)
    return f"key {one.key} of {kind} {one.name}" if one.key else f"{kind} {one.name}"
