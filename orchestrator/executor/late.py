"""Looks again at what was settled as not done: the request of a process that died may reach its target late.

A successor that looked and found nothing did not look into the network. Its own attempt and the late one cannot both
succeed (compare-and-swap), but where it settled the row without an attempt the record would be wrong without this.
"""

from collections.abc import Sequence

from incidents.action import ActionOutcome
from incidents.execution import Execution, ExecutionStatus
from incidents.proposal import Proposal
from orchestrator.executor.context import Hands
from orchestrator.executor.deed import Deed
from orchestrator.executor.record import StoreBook
from tools.errors import ToolError

LATE_LOOK_SECONDS = 60.0
"""Between two such looks."""


async def look_back(proposal: Proposal, rows: Sequence[Execution], *, hands: Hands, book: StoreBook) -> None:
    """Look at each such row once more, and put right what says that nothing was done although something was."""
    for row in rows:
        if not row.may_be_late(now=hands.clock.now()):
            continue
        deed = Deed(hands=hands, book=book, proposal=proposal, row=row)
        try:
            seen = await deed.progress()
        except ToolError:
            continue  # There is another look to come.
        if seen.outcome is ActionOutcome.HAPPENED:
            status = ExecutionStatus.UNDONE if row.undo else ExecutionStatus.SUCCEEDED
            await book.happened_after_all(deed, status, f"{seen.text} (its request arrived late)")
