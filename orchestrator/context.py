"""What the nodes of the graph work with. Handed in at run time, never part of the graph's state."""

from collections.abc import Mapping
from dataclasses import dataclass

from agents.model.engine import ModelEngine
from agents.runbooks.folders import RunbookFolders
from agents.runbooks.library import Library
from incidents.ids import ActionKind
from incidents.policy import Policy
from orchestrator.policy.force import PolicyInForce
from orchestrator.settings import Settings
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


@dataclass(frozen=True, kw_only=True)
class Context(Workbench):
    """One run of the graph for one incident, under a lease: every write asserts that the incident is still ours."""

    lease: Lease
