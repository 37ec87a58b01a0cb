"""Whether all of a change was taken back: what could not be is told, also when the rest of it was."""

from __future__ import annotations

import pytest

from incidents.action import Reversibility
from incidents.execution import Execution, ExecutionStatus
from orchestrator.verification.watch import not_undone
from tests.incidents.making import NOW, proposal, proposed

EXACT = proposed()
NEVER = proposed("delete_pod").model_copy(
    update={"reversibility": Reversibility.IRREVERSIBLE, "summary": "Delete pod cart-1"}
)
BOTH = proposal(actions=(NEVER, EXACT))


def row(index: int, status: ExecutionStatus, *, undo: bool = False) -> Execution:
    return Execution(
        digest=BOTH.digest, index=index, key=f"k{index}{undo}", status=status, undo=undo, detail="why", approved_at=NOW
    )


DONE = (row(0, ExecutionStatus.SUCCEEDED), row(1, ExecutionStatus.SUCCEEDED))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        pytest.param(
            (*DONE, row(1, ExecutionStatus.UNDONE, undo=True)),
            ["Delete pod cart-1 cannot be taken back"],
            id="one action of two has no undo",
        ),
        pytest.param(
            (row(0, ExecutionStatus.REFUSED), DONE[1], row(1, ExecutionStatus.UNDONE, undo=True)),
            [],
            id="what was not done need not be taken back",
        ),
        pytest.param(
            (*DONE, row(0, ExecutionStatus.UNDONE, undo=True), row(1, ExecutionStatus.REFUSED, undo=True)),
            ["the undo refused: why"],
            id="an undo that was refused",
        ),
    ],
)
def test_what_was_not_taken_back_is_told(rows: tuple[Execution, ...], told: list[str]) -> None:
    assert list(not_undone(BOTH, rows)) == told
