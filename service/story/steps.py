"""What is said of one step of a change, and of its undo: the same words on the card and on the page. Pure."""

from incidents.execution import Execution, ExecutionStatus

STEPS = {
    ExecutionStatus.APPROVED: "Next",
    ExecutionStatus.DISPATCHED: "Doing",
    ExecutionStatus.SUCCEEDED: "Done",
    ExecutionStatus.FAILED: "Failed",
    ExecutionStatus.UNKNOWN: "Unknown whether it happened",
    ExecutionStatus.REFUSED: "Not done",
    ExecutionStatus.UNDONE: "Taken back",
}
UNDOS = {
    ExecutionStatus.APPROVED: "To be taken back",
    ExecutionStatus.DISPATCHED: "Taking it back",
    ExecutionStatus.SUCCEEDED: "Taken back",
    ExecutionStatus.FAILED: "Not taken back",
    ExecutionStatus.UNKNOWN: "Unknown whether it was taken back",
    ExecutionStatus.REFUSED: "Not taken back",
    ExecutionStatus.UNDONE: "Taken back",
}

WHILE_PAUSED = "What is approved now is not run, and has to be approved again. Resume first."
"""Said beside Approve while the kill switch is pulled: the executor refuses what it is given then."""


def step_word(execution: Execution) -> str:
    """`Done`, `Taking it back`: how far it is."""
    return (UNDOS if execution.undo else STEPS)[execution.status]
