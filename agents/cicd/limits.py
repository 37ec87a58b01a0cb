"""Limits of containers that a rollout lowered or raised. No limit is the highest limit."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from agents.cicd.telling import change_spec, from_to, part_changes, tell
from agents.cicd.template_part import TemplatePart
from agents.detector import Scene, Sightings
from incidents.fact import Fact, FactSpec


@dataclass(frozen=True, kw_only=True)
class Limited:
    """One limited resource: its name in kinds, its name for people, the unit of its attributes, and how it is read."""

    resource: str
    said: str
    unit: str
    part: TemplatePart
    read: Callable[[str | None], float | None]

    @cached_property
    def lowered(self) -> FactSpec:
        """The declaration of a lowered limit."""
        return change_spec(
            f"change.{self.resource}_limit_lowered",
            f"A rollout lowered a container's {self.said} limit, or set one where there was none.",
            **{
                f"before_{self.unit}": f"limit before, {self.unit}; absent when there was none",
                f"after_{self.unit}": f"limit after, {self.unit}",
            },
        )

    @cached_property
    def raised(self) -> FactSpec:
        """The declaration of a raised limit."""
        return change_spec(
            f"change.{self.resource}_limit_raised",
            f"A rollout raised a container's {self.said} limit, or removed it.",
            **{
                f"before_{self.unit}": f"limit before, {self.unit}",
                f"after_{self.unit}": f"limit after, {self.unit}; absent when it was removed",
            },
        )

    def changes(self, sightings: Sightings, scene: Scene, *, detector: str) -> Iterator[Fact]:
        """One fact per container and rollout; the same quantity written otherwise is no change."""
        for one in part_changes(sightings, scene, self.part):
            change = one.changes[0]
            before, after = self.read(change.before), self.read(change.after)
            if before == after:
                continue
            lowered = (math.inf if after is None else after) < (math.inf if before is None else before)
            yield tell(
                self.lowered if lowered else self.raised,
                one,
                does=f"{'lowered' if lowered else 'raised'} the {self.said} limit of {one.where} {from_to(change)}",
                scene=scene,
                detector=detector,
                **{f"before_{self.unit}": before, f"after_{self.unit}": after},
            )
