"""The words for a step and for its undo: people act on them at night, so each has to be true of how it ended."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from incidents.execution import Execution, ExecutionStatus
from incidents.ids import ProposalDigest
from service.story.steps import STEPS, UNDOS, step_word

NOW = datetime(2026, 11, 17, 2, 47, tzinfo=UTC)


def row(status: ExecutionStatus, *, undo: bool) -> Execution:
    return Execution(digest=ProposalDigest("sha256:1"), index=0, key="k", status=status, undo=undo, approved_at=NOW)


@pytest.mark.parametrize(
    ("status", "undo", "word"),
    [
        pytest.param(ExecutionStatus.SUCCEEDED, False, "Done", id="a step that was done"),
        pytest.param(ExecutionStatus.REFUSED, False, "Not done", id="a step that was refused"),
        pytest.param(ExecutionStatus.UNDONE, True, "Taken back", id="an undo that was done, which ends as undone"),
        pytest.param(ExecutionStatus.DISPATCHED, True, "Taking it back", id="an undo under way"),
        pytest.param(ExecutionStatus.FAILED, True, "Not taken back", id="an undo that the target refused"),
        pytest.param(ExecutionStatus.REFUSED, True, "Not taken back", id="an undo that was not begun"),
        pytest.param(
            ExecutionStatus.UNKNOWN, True, "Unknown whether it was taken back", id="an undo that nobody could see"
        ),
    ],
)
def test_a_step_is_said_as_it_ended(status: ExecutionStatus, *, undo: bool, word: str) -> None:
    assert step_word(row(status, undo=undo)) == word


def test_every_status_has_its_words() -> None:
    assert set(STEPS) == set(UNDOS) == set(ExecutionStatus)


def test_only_an_undo_under_way_is_said_to_go_on() -> None:
    going_on = [status for status in ExecutionStatus if step_word(row(status, undo=True)).startswith("Taking")]
    assert going_on == [ExecutionStatus.DISPATCHED]
