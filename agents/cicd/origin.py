"""Where a deploy came from: the commit and the person behind it, as Argo CD's history and GitHub tell. Pure.

Templates seldom name their commit. What does is matched by time: the sync during which the revision came into being.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agents.cicd.gitops import Deployer, deployers
from agents.detector import Sightings
from incidents.ids import EntityId
from tools.argocd.client import Deployed
from tools.kubernetes.revision import Revision
from tools.probe import Observation

SLACK = timedelta(seconds=45)
"""How far clocks of Argo CD, GitHub and the API server may lie apart, and how long a controller takes to act."""
LONGEST_SYNC = timedelta(minutes=5)
"""How long before its end a sync is taken to have begun when its beginning is not noted."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The commit behind a deploy."""

    commit: str
    """Whole or shortened, lowercase hex."""
    actor: str = ""
    """Who started it, or who wrote the commit; empty when a machine did it by itself."""
    repository: str = ""
    """`owner/name`; empty when not known."""
    application: EntityId | None = None
    """The Argo CD application that synchronised it."""
    history_id: int | None = None
    """Its number in the application's history: what a rollback of the application names."""
    before: str = ""
    """The commit that was deployed before it."""
    seen: tuple[Observation[Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Origins:
    """What was seen of deliveries."""

    deployers: tuple[Deployer, ...]

    def of(
        self, workload: EntityId, *, at: datetime | None, revision: Revision, before: Sequence[Revision]
    ) -> Origin | None:
        """The origin of one revision; None when nobody tells."""
        del revision, before
        if at is None:
            return None
        return next(self._synced(workload, at), None)

    def _synced(self, workload: EntityId, at: datetime) -> Iterator[Origin]:
        for one in self.deployers:
            if workload not in one.workloads:
                continue
            history = one.application.history
            for place in reversed(range(len(history))):
                if _covers(history[place], at):
                    previous = history[place - 1].revision if place else ""
                    yield Origin(
                        commit=history[place].revision,
                        actor=history[place].initiated_by,
                        repository=one.repository,
                        application=one.entity,
                        history_id=history[place].id,
                        before=previous,
                        seen=(one.seen,),
                    )


def origins_of(sightings: Sightings) -> Origins:
    """Collect what deliveries were seen."""
    return Origins(deployers=tuple(deployers(sightings)))


def _covers(entry: Deployed, at: datetime) -> bool:
    """Whether a revision that came into being at that time came from this sync."""
    if entry.deployed_at is None or not entry.revision:
        return False
    begin = entry.started_at or entry.deployed_at - LONGEST_SYNC
    return begin - SLACK <= at <= entry.deployed_at + SLACK
