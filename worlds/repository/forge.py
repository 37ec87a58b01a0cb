"""What a forge knows besides Git: deployments, workflow runs, pull requests. Served as GitHub, written by deploys."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from worlds.repository.git import Commit, Person, Repository


@dataclass(frozen=True, kw_only=True)
class DeploymentStatus:
    """One status of a deployment. `state` in GitHub's words."""

    id: int
    state: str
    at: float
    description: str = ""


@dataclass(kw_only=True)
class Deployment:
    """One deployment of a commit to an environment."""

    id: int
    repository: str
    sha: str
    environment: str
    creator: Person
    at: float
    description: str
    statuses: list[DeploymentStatus] = field(default_factory=list)


@dataclass(kw_only=True)
class WorkflowRun:
    """One run of a workflow."""

    id: int
    repository: str
    workflow: str
    event: str
    sha: str
    branch: str
    actor: Person
    title: str
    created: float
    updated: float
    status: str = "completed"
    conclusion: str | None = "success"
    attempt: int = 1


@dataclass(kw_only=True)
class PullRequest:
    """One pull request."""

    number: int
    repository: str
    title: str
    body: str
    head: str
    base: str
    author: Person
    created: float
    merged: float | None = None
    merge_sha: str | None = None
    state: str = "open"


class Forge:
    """All repositories of an organisation. Listeners hear of every commit that reaches a default branch."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.deployments: list[Deployment] = []
        self.runs: list[WorkflowRun] = []
        self.pulls: list[PullRequest] = []
        self.on_push: list[Callable[[Repository, Commit], None]] = []
        self._numbers = itertools.count(1)

    def repository(self, name: str) -> Repository:
        """Return a repository, made when it is not there yet."""
        return self.repositories.setdefault(name, Repository(name))

    def next_id(self, base: int) -> int:
        """Return an id that no other thing of this forge has."""
        return base + next(self._numbers)

    def pushed(self, repository: Repository, commit: Commit) -> None:
        """Tell that the default branch has moved."""
        for listener in self.on_push:
            listener(repository, commit)

    def deploy(
        self, repository: Repository, commit: Commit, *, environment: str, at: float, description: str
    ) -> Deployment:
        """Record that a commit is being deployed."""
        new = Deployment(
            id=self.next_id(2_310_000_000),
            repository=repository.name,
            sha=commit.sha,
            environment=environment,
            creator=commit.author,
            at=at,
            description=description,
        )
        self.deployments.append(new)
        return new

    def status(self, deployment: Deployment, state: str, *, at: float, description: str = "") -> None:
        """Record how a deployment goes."""
        number = self.next_id(5_400_000_000)
        deployment.statuses.append(DeploymentStatus(id=number, state=state, at=at, description=description))

    def run(
        self,
        repository: Repository,
        commit: Commit,
        *,
        workflow: str,
        created: float,
        updated: float,
        event: str = "push",
    ) -> WorkflowRun:
        """Record a finished workflow run."""
        new = WorkflowRun(
            id=self.next_id(17_900_000_000),
            repository=repository.name,
            workflow=workflow,
            event=event,
            sha=commit.sha,
            branch=repository.default_branch,
            actor=commit.author,
            title=commit.message.splitlines()[0],
            created=created,
            updated=updated,
        )
        self.runs.append(new)
        return new
