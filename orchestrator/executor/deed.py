"""One action (or its undo) in the executor's hands: the row, its proposal, the catalogue's code for it, and the book.

The book is where everything is written before and after it is done: the database in the product.
"""

from dataclasses import dataclass, replace
from typing import Protocol, Self

from incidents.canonical import Json
from incidents.execution import Execution, ExecutionStatus
from incidents.ids import EntityId, IncidentId
from incidents.proposal import Proposal, ProposedAction
from orchestrator.executor.context import Hands
from tools.action import Action, Progress
from tools.estate import WriteCluster


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What is done, by whom it may be done, and with what."""

    hands: Hands
    book: "Book"
    proposal: Proposal
    row: Execution

    @property
    def incident(self) -> IncidentId:
        """The incident it belongs to."""
        return self.proposal.body.incident

    @property
    def proposed(self) -> ProposedAction:
        """The action as it was proposed and approved."""
        return self.proposal.body.actions[self.row.index]

    @property
    def action(self) -> Action:
        """The catalogue's code. Raises PermanentError."""
        return self.hands.action(self.proposed.request)

    @property
    def cluster(self) -> WriteCluster:
        """Write clients, carrying the incident's id onto what is changed. Raises NotConfiguredError."""
        found = self.hands.cluster(self.proposed.request)
        return replace(found, labels={**found.labels, "midwatch.dev/incident": self.incident})

    @property
    def beginning(self) -> str:
        """The timeline's line when it starts."""
        return f"undoing: {self.proposed.undo}" if self.row.undo else f"started: {self.proposed.summary}"

    @property
    def reach(self) -> tuple[EntityId, ...]:
        """Everything that the whole proposal changes or restarts: while it runs nobody else may change any of it."""
        found: set[EntityId] = set()
        for action in self.proposal.body.actions:
            found |= action.blast_radius.touched(action.request.target)
        return tuple(sorted(found))

    def at(self, row: Execution) -> Self:
        """The same deed with its row as it stands now."""
        return replace(self, row=row)

    def payload(self) -> dict[str, Json]:
        """What the ledger keeps of it."""
        request = self.proposed.request
        return {
            "digest": self.proposal.digest,
            "index": self.row.index,
            "key": self.row.key,
            "undo": self.row.undo,
            "action": request.kind,
            "target": request.target,
            "arguments": dict(request.arguments),
            "fence": self.proposed.fence.model_dump(mode="json"),
        }

    async def progress(self) -> Progress:
        """How far it has come. Raises ToolError."""
        return await self.action.observe(self.cluster, self.proposed.request, self.proposed.snapshot, self.row.key)


class RefusedError(Exception):
    """The gate closed between the look at the target and the dispatch; the message says why."""


class WaitingError(Exception):
    """Another incident is changing the same thing; the message says which, and it is tried again when it has ended."""


class Book(Protocol):
    """Where a deed is written. What one call writes is committed when it returns."""

    async def dispatch(self, deed: Deed) -> Execution:
        """Ask the gate and write `dispatched`.

        Raises RefusedError, WaitingError, or StaleStateError when another executor has the row.
        """
        ...

    async def dispatch_again(self, deed: Deed) -> str | None:
        """Ask the gate about what a dead process left; why it must not be done again, or None and it is written."""
        ...

    async def progress(self, deed: Deed, text: str) -> None:
        """Write how far it has come."""
        ...

    async def settle(self, deed: Deed, status: ExecutionStatus, detail: str) -> Execution:
        """End the row. When another executor ended it meanwhile, that end stands and is returned."""
        ...

    async def current(self, deed: Deed) -> Execution:
        """The row as it stands."""
        ...
