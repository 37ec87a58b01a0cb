"""The worker and executor are killed at every step; another process carries on, and the action is executed exactly once."""

import asyncio
from pathlib import Path

import pytest

from tests.kill.scene import ended, stage, until_settled
from tests.kill.victim import NODES

# Killed right after the node's own writes are committed and before the graph knows: the harder moment. Before the write is
# added where something outside is about to happen. What waits is killed on its way into the wait.
POINTS = [
    *(f"after:{name}" for name in NODES if not name.startswith("await_") and name != "effect"),
    *(f"before:{name}" for name in NODES if name.startswith("await_")),
    "before:effect",
    "after:effect",
    "before:execute",
    "before:verify",
]


@pytest.mark.kill
@pytest.mark.timeout(240)
@pytest.mark.parametrize("point", POINTS)
async def test_a_kill_loses_nothing_and_doubles_nothing(point: str, tmp_path: Path) -> None:
    async with stage(tmp_path) as scene:
        before = scene.deployment("checkout")["metadata"]
        assert isinstance(before, dict)
        web, victim = scene.start("web"), scene.start("worker", "executor", kill_at=point)
        with ended(web, victim):
            settling = asyncio.create_task(until_settled(scene))
            await asyncio.to_thread(victim.wait, timeout=90)
            assert victim.returncode == -9, scene.logs()
            successor = scene.start("worker", "executor")
            with ended(successor):
                record = await settling
        assert_right(scene.deployment("checkout"), generation=before["generation"], record=record)


def assert_right(deployment: dict[str, object], *, generation: int, record: dict[str, object]) -> None:
    """Verified, and the target was changed exactly once."""
    incident, metadata = record["incident"], deployment["metadata"]
    assert isinstance(incident, dict)
    assert isinstance(metadata, dict)
    assert incident["phase"] == "verified", incident
    assert metadata["generation"] == generation + 1
    proposals = record["proposals"]
    assert isinstance(proposals, list)
    steps = [step["execution"]["status"] for proposal in proposals for step in proposal["steps"]]
    assert steps == ["succeeded"]
