"""A target system that is away when its turn comes: for a moment it is waited for, for good nothing is done."""

from __future__ import annotations

import pytest

from incidents.approval import Accepted
from incidents.execution import ExecutionStatus
from orchestrator.executor.running import LOOK_TRIES, run
from tests.orchestrator.executor.sealing import INCIDENT, row, sealed
from tests.orchestrator.staging import Stage

NOT_BEGUN = "not begun, its target cannot be read"


def hide(on: Stage, *sources: str) -> None:
    """These sources of the world answer 503 from now on."""
    estate = on.world.estate
    hidden = estate.scenario.visibility.model_copy(update={"unavailable": sources})
    estate.scenario = estate.scenario.model_copy(update={"visibility": hidden})


@pytest.mark.parametrize(
    ("back_after", "ends"),
    [
        pytest.param(2, ExecutionStatus.SUCCEEDED, id="away for a moment"),
        pytest.param(LOOK_TRIES, ExecutionStatus.REFUSED, id="away for good"),
    ],
)
async def test_a_target_that_cannot_be_read_is_asked_again_before_an_approval_is_lost(
    on: Stage, monkeypatch: pytest.MonkeyPatch, back_after: int, ends: ExecutionStatus
) -> None:
    before = on.generation()
    proposal = await sealed(on)
    assert isinstance(await on.decide(proposal.digest), Accepted)
    waited: list[float] = []
    lived = on.clock.sleep

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == back_after:
            hide(on)
        await lived(seconds)

    hide(on, "kubernetes")
    monkeypatch.setattr(on.clock, "sleep", sleep)
    await run(on.executor, proposal.digest)
    assert (await row(on, proposal)).status is ends
    assert sum(NOT_BEGUN in line for line in await on.told(INCIDENT)) == 1, "said once, not at every try"
    assert on.generation() == before + (ends is ExecutionStatus.SUCCEEDED)
    assert sum(waited[: LOOK_TRIES - 1]) <= 30, "an approval is not held for minutes"
