"""Which changes are worth telling: those since some time before the onset, longer back for what is in focus. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from agents.detector import Scene
from agents.diagnostician.timing import after
from incidents.ids import EntityId

NEAR_LOOKBACK = timedelta(days=3)
"""For the asked entities and their neighbourhood: a leak or a filling disk shows days after its deploy."""
FAR_LOOKBACK = timedelta(days=1)
"""For everything else: a day of health acquits a stranger."""
MOST_STRANGERS = 40
"""Changes of one sort elsewhere in the namespaces that are told: a busy cluster rolls out hundreds of things a day."""
RECENT = timedelta(days=1)
"""A workload without a change for this long before the onset counts as unchanged."""


ItemT = TypeVar("ItemT")


@dataclass(frozen=True, kw_only=True)
class Period:
    """The time that is looked at around an onset."""

    onset: datetime
    near: frozenset[EntityId]

    def holds(self, at: datetime | None, *, entities: tuple[EntityId, ...]) -> bool:
        """Whether a change of these entities at that time is worth telling. An undated one is."""
        if at is None:
            return True
        lookback = NEAR_LOOKBACK if self.near.intersection(entities) else FAR_LOOKBACK
        return at >= self.onset - lookback

    def chosen(
        self,
        items: Iterable[ItemT],
        *,
        at: Callable[[ItemT], datetime | None],
        entities: Callable[[ItemT], tuple[EntityId, ...]],
    ) -> tuple[ItemT, ...]:
        """Changes worth telling, in their order: all of what is in focus, of strangers those closest to the onset."""
        held = [item for item in items if self.holds(at(item), entities=entities(item))]
        strange = [place for place, item in enumerate(held) if not self.near.intersection(entities(item))]
        strange.sort(key=lambda place: self._distance(at(held[place])))
        left_out = frozenset(strange[MOST_STRANGERS:])
        return tuple(item for place, item in enumerate(held) if place not in left_out)

    def _distance(self, at: datetime | None) -> timedelta:
        return abs(at - self.onset) if at else timedelta.max

    def recent(self, at: datetime | None) -> bool:
        """Whether it lies between a day before the onset and the onset."""
        return at is not None and at >= self.onset - RECENT and not self.after(at)

    def after(self, at: datetime | None) -> bool:
        """Whether it came after the onset, beyond what clocks and resolutions explain."""
        return at is not None and after(at, onset=self.onset)


def period_of(scene: Scene) -> Period:
    """The period of a case: around its onset, else around its first alert."""
    case = scene.case
    return Period(onset=case.onset or case.incident.started_at, near=frozenset((*scene.entities, *case.focus)))
