"""What the executor works with: the only place where write clients exist (invariant 4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from incidents.action import ActionRequest
from incidents.entity import Entity
from incidents.ids import ActionKind
from incidents.policy import Policy
from orchestrator.policy.force import PolicyInForce
from orchestrator.store.database import Store
from tools.action import Action, actions
from tools.clock import Clock
from tools.errors import NotConfiguredError, PermanentError
from tools.estate import WriteCluster


def _catalogue() -> Mapping[ActionKind, Action]:
    return actions()


@dataclass(frozen=True, kw_only=True)
class Hands:
    """What changes are made with."""

    clock: Clock
    clusters: Mapping[str, WriteCluster]
    policy: Policy
    catalogue: Mapping[ActionKind, Action] = field(default_factory=_catalogue)
    merge_seconds: float = 4 * 3600.0
    """How long a pull request may wait for somebody to merge it."""

    def action(self, request: ActionRequest) -> Action:
        """The action of the catalogue. Raises PermanentError for what is not in it."""
        found = self.catalogue.get(request.kind)
        if found is None:
            raise PermanentError(f"{request.kind} is not in the catalogue of actions: nothing else can change anything")
        return found

    def cluster(self, request: ActionRequest) -> WriteCluster:
        """The write clients of the target's cluster. Raises NotConfiguredError, and PermanentError for no id at all."""
        try:
            name = Entity.parse(request.target).cluster
        except ValueError as error:
            raise PermanentError(f"{request.target!r} is the id of nothing: {error}") from error
        found = self.clusters.get(name)
        if found is None:
            raise NotConfiguredError(f"no write access is configured for cluster {name}")
        return found


@dataclass(frozen=True, kw_only=True)
class ExecutorContext(Hands):
    """Handed to every job of the executor."""

    store: Store
    policies: PolicyInForce | None = None
    """What the next job will decide by; None where the policy never changes."""

    @property
    def pinned(self) -> Self:
        """The same for one job: it works under one policy, the one in force when it begins."""
        return replace(self, policy=self.policies.current) if self.policies else self
