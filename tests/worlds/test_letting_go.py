"""A world that is over: what it recorded goes at once, without Python's looking for circles."""

from __future__ import annotations

import gc
import weakref

from tests.worlds.conftest import REFERENCE
from worlds.clock import HandClock
from worlds.promql.parsing import selector_matchers
from worlds.scenario.load import load_scenario
from worlds.world import Estate

BUCKETS = '{__name__=~".+_bucket"}'


def test_what_was_recorded_goes_with_its_world_and_not_before() -> None:
    scenario = load_scenario(REFERENCE)
    estate = Estate(scenario, clock=HandClock(scenario.now))
    estate.due_notifications()
    now = scenario.now.timestamp()
    gc.disable()
    try:
        [first, *_] = estate.metrics.select(selector_matchers(BUCKETS), start=now - 600, end=now)
        labels, book = weakref.ref(first.labels[0]), weakref.ref(estate.logbook)
        del first
        assert labels() is not None, "the control: as long as it can be asked, it is kept"
        estate.let_go()
        assert labels() is None
        del estate
        assert book() is not None, "the control: the world itself is a circle"
    finally:
        gc.enable()
