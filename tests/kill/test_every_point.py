"""Workers are killed (SIGKILL) at every step; others carry on, and the action is executed exactly once.

Two processes with the roles of worker and executor always live and share the work; for each that dies another is started.
One incident is carried through several kills, far apart, so that a handful of incidents passes all points. The oracle is
the world's API server: the generation of the target goes up by exactly one.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.kill.scene import Scene, Shift, ended, stage, until_settled
from tests.kill.victim import PLACES

# In the order in which an incident passes them. `after` a node: its writes are committed and the graph does not know yet,
# the harder moment. What waits is killed on its way into the wait. Around the effect every gap has a point of its own.
POINTS = (
    *("after:triage", "after:supervise", "after:specialist", "after:diagnose", "after:challenge", "after:plan"),
    *("after:rehearse", "after:preview", "before:await_rehearsal", "after:govern", "after:announce"),
    *("before:await_decision", "before:execute", "after:execute", "before:await_execution"),
    *("after:look", "after:dispatch", "before:effect", "before:follow", "before:settle", "after:effect"),
    *("before:verify", "after:verify", "before:measure", "after:measure", "before:await_verification"),
    *("after:conclude", "after:postmortem"),
)
RUNS = 4
RUN_SECONDS = 480


def test_every_place_has_a_point() -> None:
    assert {point.split(":")[1] for point in POINTS} == set(PLACES)


@pytest.mark.kill
@pytest.mark.timeout(RUN_SECONDS)
@pytest.mark.parametrize(
    "points",
    [
        # Two groups for two test processes: a run is mostly waiting for processes to start.
        pytest.param(POINTS[number::RUNS], marks=pytest.mark.xdist_group(f"kill-{number % 2}"), id=f"run {number + 1}")
        for number in range(RUNS)
    ],
)
async def test_kills_lose_nothing_and_double_nothing(points: tuple[str, ...], tmp_path: Path) -> None:
    async with stage(tmp_path) as scene:
        before = scene.deployment("checkout")["metadata"]["generation"]
        shift = Shift(scene, points=points)
        with ended(scene.start("web")), shift.working():
            record, _ = await asyncio.gather(until_settled(scene), shift.until_all_died())
        assert shift.killed() == set(points), scene.logs()
        assert_right(scene, generation=before, record=record)
        scene.verify_ledger()


def assert_right(scene: Scene, *, generation: int, record: dict[str, Any]) -> None:
    """Verified, and the target was changed exactly once."""
    assert record["incident"]["phase"] == "verified", record["incident"]
    assert scene.deployment("checkout")["metadata"]["generation"] == generation + 1
    steps = [step["execution"]["status"] for proposal in record["proposals"] for step in proposal["steps"]]
    assert steps == ["succeeded"]
    assert scene.deployment("cart")["metadata"].get("annotations", {}).get("midwatch.dev/action-key") is None
