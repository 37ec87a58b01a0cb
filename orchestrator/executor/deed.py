"""One action (or its undo) in the executor's hands: the row, its proposal, and the catalogue's code for it."""

from dataclasses import dataclass, replace
from typing import Self

from incidents.canonical import Json
from incidents.execution import Execution
from incidents.ids import IncidentId
from incidents.proposal import Proposal, ProposedAction
from orchestrator.executor.context import ExecutorContext
from tools.action import Action, Progress
from tools.estate import WriteCluster


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What is done, by whom it may be done, and with what."""

    context: ExecutorContext
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
        return self.context.action(self.proposed.request)

    @property
    def cluster(self) -> WriteCluster:
        """Write clients, carrying the incident's id onto what is changed. Raises NotConfiguredError."""
        found = self.context.cluster(self.proposed.request)
        return replace(found, labels={**found.labels, "midwatch.dev/incident": self.incident})

    @property
    def beginning(self) -> str:
        """The timeline's line when it starts."""
        return f"undoing: {self.proposed.undo}" if self.row.undo else f"started: {self.proposed.summary}"

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
