"""Where a deploy came from: the commit and the person behind it, as Argo CD's history and GitHub tell. Pure.

Templates seldom name their commit. What does is matched by time (the sync or the deployment right before the revision)
or by what the template does say: a commit in a label, a tag in the image.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from agents.cicd.gitops import Deployer, deployers
from agents.detector import Sightings
from incidents.action import name_of
from incidents.ids import EntityId
from incidents.topology import Relation, Topology
from tools.argocd.application import Deployed
from tools.github.client import Commit, Deployment
from tools.github.probes.commits import CommitsView
from tools.github.probes.compare import CompareView
from tools.github.probes.deployments import DeploymentsView
from tools.kubernetes.revision import Revision
from tools.probe import Observation

SLACK = timedelta(seconds=45)
"""How far clocks of Argo CD, GitHub and the API server may lie apart, and how long a controller takes to act."""
LONGEST_SYNC = timedelta(minutes=5)
"""How long before its end a sync is taken to have begun when its beginning is not noted."""
LEAD = timedelta(minutes=10)
"""How long before the revision a deployment is announced to GitHub at most: the job then still applies it."""
_FAILED = ("failure", "error", "inactive")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The commit behind a deploy."""

    commit: str
    """Whole or shortened, lowercase hex."""
    before: str = ""
    """The commit that was deployed before it; empty when not known."""
    actor: str = ""
    """Who wrote the commit, else who started the deployment; empty when a machine did it by itself."""
    title: str = ""
    """First line of the commit's message, when it was read."""
    repository: str = ""
    """`owner/name`; empty when not known."""
    application: EntityId | None = None
    """The Argo CD application that synchronised it."""
    previous_history_id: int | None = None
    """Number of the sync before it in the application's history: what a rollback of the application names."""
    seen: tuple[Observation[Any], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Origins:
    """What was seen of deliveries."""

    topology: Topology
    deployers: Mapping[EntityId, tuple[Deployer, ...]]
    """Per workload."""
    deployments: tuple[Observation[DeploymentsView], ...]
    commits: Mapping[str, tuple[Commit, Observation[Any]]]

    def of(
        self, workload: EntityId, *, at: datetime | None, revision: Revision, before: Revision | None
    ) -> Origin | None:
        """The origin of one revision; None when nobody tells. Argo CD is asked first: it is what really applied it."""
        synced = next(self._synced(workload, at), None) if at else None
        announced = next(self._announced(workload, at=at, revision=revision, before=before), None)
        if synced is None:
            return self._told(announced)
        if announced is not None and announced.commit == synced.commit:
            synced = replace(synced, actor=synced.actor or announced.actor, seen=(*synced.seen, *announced.seen))
        return self._told(synced)

    def _told(self, origin: Origin | None) -> Origin | None:
        """The same with the commit's author and title, when the commit was read."""
        known = self.commits.get(origin.commit) if origin else None
        if origin is None or known is None:
            return origin
        commit, seen = known
        return replace(origin, actor=commit.author or origin.actor, title=commit.title, seen=(*origin.seen, seen))

    def _synced(self, workload: EntityId, at: datetime) -> Iterator[Origin]:
        for one in self.deployers.get(workload, ()):
            history = one.application.history
            for place in reversed(range(len(history))):
                if _covers(history[place], at):
                    previous = history[place - 1] if place else None
                    yield Origin(
                        commit=history[place].revision,
                        before=previous.revision if previous else "",
                        actor=history[place].initiated_by,
                        repository=one.repository,
                        application=one.entity,
                        previous_history_id=previous.id if previous else None,
                        seen=(one.seen,),
                    )

    def _announced(
        self, workload: EntityId, *, at: datetime | None, revision: Revision, before: Revision | None
    ) -> Iterator[Origin]:
        for seen in self.deployments:
            if not self._builds(seen, workload):
                continue
            known = seen.view.deployments
            for place, one in enumerate(known):
                if _named(one, revision, before) or (at and self._timed(one, at, workload, seen)):
                    older = (d for d in known[place + 1 :] if d.environment == one.environment)
                    previous = next((d for d in older if d.state not in _FAILED[:2]), None)
                    yield Origin(
                        commit=one.sha,
                        before=previous.sha if previous else "",
                        actor=one.creator,
                        repository=seen.view.repository,
                        seen=(seen,),
                    )

    def _builds(self, seen: Observation[DeploymentsView], workload: EntityId) -> bool:
        return bool(set(self.topology.targets(workload, Relation.BUILT_FROM)) & set(seen.evidence.entities))

    def _timed(self, one: Deployment, at: datetime, workload: EntityId, seen: Observation[DeploymentsView]) -> bool:
        """Whether it was announced right before; in a repository of several workloads it has to name this one."""
        if not at - LEAD <= one.created_at <= at + SLACK:
            return False
        sharing = {w for repo in seen.evidence.entities for w in self.topology.sources(repo, Relation.BUILT_FROM)}
        said = f"{one.description} {one.ref} {one.environment}"
        return len(sharing) <= 1 or name_of(workload) in said


def origins_of(sightings: Sightings, topology: Topology) -> Origins:
    """Collect what deliveries were seen."""
    commits: dict[str, tuple[Commit, Observation[Any]]] = {}
    for listed in sightings.of(CommitsView):
        commits |= {commit.sha: (commit, listed) for commit in listed.view.commits}
    for compared in sightings.of(CompareView):
        commits |= {commit.sha: (commit, compared) for commit in compared.view.comparison.commits}
    return Origins(
        topology=topology,
        deployers=_by_workload(sightings),
        deployments=sightings.of(DeploymentsView),
        commits=commits,
    )


def _by_workload(sightings: Sightings) -> dict[EntityId, tuple[Deployer, ...]]:
    found: dict[EntityId, tuple[Deployer, ...]] = {}
    for one in deployers(sightings):
        for workload in one.workloads:
            found[workload] = (*found.get(workload, ()), one)
    return found


def same_commit(one: str, other: str) -> bool:
    """Whether two names of commits, whole or shortened, mean the same."""
    return bool(one) and bool(other) and (one.startswith(other) or other.startswith(one))


def tags(images: Sequence[str]) -> tuple[str, ...]:
    """Tags of images that say which version it is; `latest` says nothing."""
    found = [image.rsplit("/", 1)[-1].partition("@")[0].partition(":")[2] for image in images]
    return tuple(tag for tag in found if tag and tag not in {"latest", "stable", "main", "master"})


def _named(one: Deployment, revision: Revision, before: Revision | None) -> bool:
    """Whether the template names this deployment's commit or ref, and did not do so before."""
    if revision.commit and not (before and before.commit == revision.commit):
        return same_commit(one.sha, revision.commit)
    old = set(tags(before.images)) if before else set()
    new = [tag for tag in tags(revision.images) if tag not in old]
    return one.ref.removeprefix("refs/tags/").removeprefix("v") in {tag.removeprefix("v") for tag in new}


def _covers(entry: Deployed, at: datetime) -> bool:
    """Whether a revision that came into being at that time came from this sync."""
    if entry.deployed_at is None or not entry.revision:
        return False
    begin = entry.started_at or entry.deployed_at - LONGEST_SYNC
    return begin - SLACK <= at <= entry.deployed_at + SLACK
