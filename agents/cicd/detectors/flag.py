"""Finds feature flags among changed environment variables, by the names that flags usually have."""

import re
from collections.abc import Iterator

from agents.cicd.detectors.env_changed import variables
from agents.cicd.telling import change_spec, from_to, part_changes, tell
from agents.cicd.template_part import TemplatePart
from agents.detector import Detector, Scene, Sightings
from incidents.fact import Fact
from tools.kubernetes.revision import Rollouts

SPEC = change_spec("change.flag", "A rollout switched a feature flag.", flag="name of the flag")
FLAG = re.compile(
    r"(^|_)(FEATURE|FEATURES|FLAG|FF|TOGGLE|EXPERIMENT|ROLLOUT)(_|$)|^(ENABLE|DISABLE|USE)_|_(ENABLED|DISABLED)$",
    re.IGNORECASE,
)
"""Names of flags in the twelve-factor style: FEATURE_X, FF_X, ENABLE_X, X_ENABLED."""


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per flag and rollout."""
    for one in part_changes(sightings, scene, TemplatePart.ENV):
        for name, change in variables(one.changes).items():
            if FLAG.search(name):
                yield tell(
                    SPEC,
                    one,
                    does=f"switched flag {name} of {one.where} {from_to(change)}",
                    scene=scene,
                    detector=DETECTOR.name,
                    flag=name,
                    field=change.path,
                    before=change.before,
                    after=change.after,
                )


DETECTOR = Detector(name="cicd.flag", emits=(SPEC,), needs=(Rollouts,), detect=detect)
