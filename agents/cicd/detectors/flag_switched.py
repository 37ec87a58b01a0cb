"""Finds flags that a flag service switched while programs ran: a change of behaviour that no rollout shows."""

from collections.abc import Iterator

from agents.cicd.detectors.flag import SPEC
from agents.cicd.period import period_of
from agents.detector import Detector, Scene, Sightings
from agents.observability.names import Names
from agents.reporting import state
from agents.wording import clock_time
from incidents.action import name_of
from incidents.fact import Fact
from incidents.ids import EntityId
from tools.flags.client import FlagChange
from tools.flags.probes.changes import FlagsView
from tools.probe import Observation


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per switch and workload that asks for the flag."""
    names, period = Names.of(sightings, scene), period_of(scene)
    for seen in sightings.of(FlagsView):
        for one in seen.view.switched:
            users = sorted({user for name in one.applications if (user := names.resolve(name))})
            for user in users:
                if period.holds(one.change.at, entities=(user,)):
                    yield _fact(one.change, user, seen, scene)


def _fact(change: FlagChange, user: EntityId, seen: Observation[FlagsView], scene: Scene) -> Fact:
    where = f" in {change.environment}" if change.environment else ""
    did = f"switched {change.what}" if change.what in {"on", "off"} else change.what
    by = f" by {change.actor}" if change.actor else ""
    return state(
        SPEC,
        entity=user,
        text=f"flag {change.flag}, which {name_of(user)} asks for, was {did}{where} at "
        f"{clock_time(change.at, now=scene.now)}{by}",
        seen=[seen],
        at=change.at,
        detector=DETECTOR.name,
        flag=change.flag,
        actor=change.actor or None,
        before=change.before or None,
        after=change.after or (change.what if change.what in {"on", "off"} else None),
    )


DETECTOR = Detector(name="cicd.flag_switched", emits=(SPEC,), needs=(FlagsView,), detect=detect)
