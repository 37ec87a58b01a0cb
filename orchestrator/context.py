"""What the nodes of the graph work with. Handed in at run time, never part of the graph's state."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from agents.model.engine import ModelEngine
from agents.runbooks.folders import RunbookFolders
from agents.runbooks.library import Library
from incidents.casefile import CaseFile
from incidents.ids import ActionKind, IncidentId
from incidents.policy import Policy
from orchestrator.policy.force import PolicyInForce
from orchestrator.settings import Settings
from orchestrator.store.casefiles import load_case
from orchestrator.store.database import Store
from orchestrator.store.leases import Lease
from tools.action import ActionCard
from tools.clock import Clock
from tools.errors import NotConfiguredError
from tools.estate import Cluster


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """What a worker process has: everything but the right to change anything outside."""

    store: Store
    clock: Clock
    settings: Settings
    clusters: Mapping[str, Cluster]
    runbooks: RunbookFolders
    cards: Mapping[ActionKind, ActionCard]
    policy: Policy
    """What one piece of work decides by, from its beginning to its end."""
    policies: PolicyInForce | None = None
    """What the next one will decide by; None where the policy never changes."""
    model: ModelEngine | None = None

    @property
    def library(self) -> Library:
        """The runbooks as they are now."""
        return self.runbooks.library()

    @property
    def policy_now(self) -> Policy:
        """The policy in force at this moment."""
        return self.policies.current if self.policies else self.policy

    def cluster(self, name: str) -> Cluster:
        """The read clients of a cluster. Raises NotConfiguredError."""
        found = self.clusters.get(name)
        if found is None:
            known = ", ".join(sorted(self.clusters)) or "none"
            raise NotConfiguredError(f"cluster {name} is not configured (configured: {known})")
        return found


class Beginnings:
    """The case file as each round of one run began: read once, so that all its specialists start from the same."""

    def __init__(self) -> None:
        self._reading, self._cases = asyncio.Lock(), dict[int, CaseFile]()

    async def of(self, store: Store, incident: IncidentId, *, round_: int) -> CaseFile:
        """What was known when this round began, whoever has reported since: a replay must see what was seen."""
        async with self._reading:
            if round_ not in self._cases:
                async with store.transaction() as tx:
                    self._cases[round_] = await load_case(tx, incident, bodies=False, before=round_)
            return self._cases[round_]


@dataclass(frozen=True, kw_only=True)
class Context(Workbench):
    """One run of the graph for one incident, under a lease: every write asserts that the incident is still ours."""

    lease: Lease
    beginnings: Beginnings = field(default_factory=Beginnings)
