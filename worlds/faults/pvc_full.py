"""A persistent volume fills up, and what writes to it fails."""

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from worlds.estate.effects import ActiveEffect
from worlds.faults.fault import Fault
from worlds.objects.kinds import kind_named
from worlds.objects.quantity import parse_quantity
from worlds.scenario.effect import Effect, LogLine
from worlds.scenario.values import Duration

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_CLAIM = kind_named("PersistentVolumeClaim")
_FULL = 0.995


class PvcFull(Fault):
    """The volume of a workload's first pod reaches `share` within `over`; then the effect begins."""

    kind: Literal["pvc_full"] = "pvc_full"
    workload: str
    share: float = Field(default=1.0, gt=0, le=1)
    over: Duration = 1800.0
    effect: Effect = Effect(
        error_rate=0.7, logs=(LogLine(text="could not extend file: No space left on device", per_minute=20),)
    )

    def workloads(self) -> tuple[str, ...]:
        """The workload with the volume."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Begin to fill at `at`."""
        namespace, claim = self._claim(world)
        world.volumes.fill(namespace, claim, at=world.at(self.at), share=self.share, over=self.over)
        effect = ActiveEffect(target=self.workload, effect=self.effect, since=world.at(self.at + self.over))
        effect.holds = lambda _pod, _environment: self._is_full(world)
        world.plan(self.at + self.over, lambda: world.effects.add(effect))

    def is_active(self, world: "Simulation") -> bool:
        """As long as the claim is full; enlarging it helps."""
        return self._is_full(world)

    def _claim(self, world: "Simulation") -> tuple[str, str]:
        workload = world.scenario.estate.workload(self.workload)
        if workload.volume is None:
            raise ValueError(f"{self.workload} has no volume that could fill up: give it one in the estate")
        suffix = "-0" if workload.kind == "StatefulSet" else ""
        return workload.namespace, f"{workload.volume.name}-{workload.name}{suffix}"

    def _is_full(self, world: "Simulation") -> bool:
        namespace, name = self._claim(world)
        claim = world.cluster.store.find(_CLAIM, namespace=namespace, name=name)
        if claim is None:
            return False
        size = parse_quantity(claim["spec"]["resources"]["requests"]["storage"])
        used = world.volumes.used(namespace, name, np.array([world.cluster.now]), size=size)[0]
        return bool(used >= size * min(self.share, _FULL))
