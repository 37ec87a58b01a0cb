"""What node_exporter says of a node: the modes of its processors are not mixed up, and add up to what it has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from worlds.cluster.nodes import NODE
from worlds.estate.flow import TICK
from worlds.estate.simulation import Simulation
from worlds.objects.quantity import parse_quantity
from worlds.promql.parsing import selector_matchers
from worlds.promql.storage import label_sets
from worlds.scenario.load import load_scenario
from worlds.telemetry.storage import EstateMetrics

REFERENCE = Path(__file__).parents[3] / "evals" / "scenarios" / "bad-deploy" / "checkout-memory-limit.yaml"


def test_modes_of_a_processor() -> None:
    world = Simulation(load_scenario(REFERENCE))
    world.advance(world.at(0))
    found = EstateMetrics(world).select(
        selector_matchers("node_cpu_seconds_total"), start=world.at(-900), end=world.at(0)
    )
    used = {
        (labels["node"], labels["mode"]): np.diff(one.values) / TICK
        for one, labels in zip(found, label_sets(found), strict=True)
    }
    for node in world.cluster.store.every(NODE):
        name, cores = node["metadata"]["name"], parse_quantity(node["status"]["capacity"]["cpu"])
        user, system, idle = (used[name, mode] for mode in ("user", "system", "idle"))
        assert user + system + idle == pytest.approx(np.full(len(idle), cores))
        assert user == pytest.approx(4 * system), "what runs is mostly people's own code"
        assert (idle > user).all(), "nobody is short of processors tonight"
