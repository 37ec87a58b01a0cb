"""Talks to GitHub's REST API, what is read there. The only place that knows its answers; writing is `git_data.py`."""

import base64
from collections.abc import Mapping
from datetime import datetime

from incidents.redaction import redact
from incidents.value import Value
from tools.errors import PermanentError
from tools.estate import Endpoint
from tools.github.answers import (
    BranchAnswer,
    CommitAnswer,
    CompareAnswer,
    ContentAnswer,
    DeploymentAnswer,
    FileAnswer,
    JobsAnswer,
    PullAnswer,
    RepositoryAnswer,
    RunAnswer,
    RunsAnswer,
    StatusAnswer,
)
from tools.http import HttpClient, Params, segment

SYSTEM = "GitHub"
HEADERS = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}
PAGE = 50
"""Items of one list that are read; newest first, so that older ones are what is missing."""
PATCH_CHARACTERS = 6000
"""Characters of one file's patch that are kept."""


class Commit(Value):
    """One commit."""

    sha: str
    message: str
    author: str
    """Login where GitHub knows it, else the name in the commit."""
    authored_at: datetime | None = None
    committed_at: datetime | None = None
    parents: tuple[str, ...] = ()
    url: str = ""

    @property
    def title(self) -> str:
        """The first line of the message."""
        return self.message.split("\n", 1)[0]


class ChangedFile(Value):
    """One file of a difference."""

    path: str
    status: str
    """added, modified, removed, renamed."""
    additions: int = 0
    deletions: int = 0
    patch: str = ""
    """Unified diff without its file header, redacted and bounded."""
    previous_path: str | None = None
    cut: bool = False


class Comparison(Value):
    """What lies between two commits."""

    base: str
    head: str
    status: str
    """ahead, behind, diverged, identical."""
    commits: tuple[Commit, ...]
    files: tuple[ChangedFile, ...]
    total_commits: int
    url: str = ""


class Deployment(Value):
    """One deployment with its latest status."""

    id: int
    sha: str
    ref: str
    environment: str
    creator: str
    created_at: datetime
    description: str = ""
    state: str = ""
    """success, failure, error, in_progress, ...; empty when nothing reported one."""
    state_at: datetime | None = None
    state_text: str = ""


class WorkflowRun(Value):
    """One run of a workflow."""

    id: int
    name: str
    branch: str
    sha: str
    event: str
    status: str
    conclusion: str
    """success, failure, cancelled, ...; empty while it runs."""
    actor: str
    created_at: datetime
    updated_at: datetime | None = None
    attempt: int = 1
    url: str = ""
    failed_steps: tuple[str, ...] = ()
    """`job / step` of what failed, when it was looked at."""


class PullRequest(Value):
    """One pull request."""

    number: int
    title: str
    body: str = ""
    state: str
    merged_at: datetime | None = None
    merge_commit: str | None = None
    head: str
    base: str
    author: str
    commits: int | None = None
    created_at: datetime | None = None
    url: str = ""


class Repository(Value):
    """One repository."""

    full_name: str
    default_branch: str
    archived: bool = False


class GitHubClient:
    """Reads repositories that the token may see. Repositories are named `owner/name`."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Nothing is sent yet."""
        self.http = HttpClient(endpoint, system=SYSTEM, headers=HEADERS)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def repository(self, name: str) -> Repository:
        """One repository. Raises NotFoundError, also when the token may not see it."""
        found = await self.http.get(path_of(name), RepositoryAnswer)
        return Repository(full_name=found.full_name, default_branch=found.default_branch, archived=found.archived)

    async def deployments(self, name: str, *, environment: str | None = None) -> tuple[Deployment, ...]:
        """The latest deployments, newest first, without their statuses."""
        params: Params = {"environment": environment, "per_page": PAGE}
        found = await self.http.get(path_of(name, "deployments"), list[DeploymentAnswer], params=params)
        return tuple(_deployment(item) for item in found)

    async def with_status(self, name: str, deployment: Deployment) -> Deployment:
        """The same deployment with its latest status."""
        path = path_of(name, "deployments", str(deployment.id), "statuses")
        statuses = await self.http.get(path, list[StatusAnswer], params={"per_page": 1})
        if not statuses:
            return deployment
        latest = statuses[0]
        update = {"state": latest.state, "state_at": latest.created_at, "state_text": redact(latest.description or "")}
        return deployment.model_copy(update=update)

    async def workflow_runs(
        self, name: str, *, branch: str | None = None, sha: str | None = None, created: str | None = None
    ) -> tuple[WorkflowRun, ...]:
        """The latest runs, newest first. `created` is a range in GitHub's form: `>=2026-11-17T00:00:00Z`."""
        params: Params = {"branch": branch, "head_sha": sha, "created": created, "per_page": PAGE}
        found = await self.http.get(path_of(name, "actions", "runs"), RunsAnswer, params=params)
        return tuple(_run(item) for item in found.workflow_runs)

    async def failed_steps(self, name: str, run: int) -> tuple[str, ...]:
        """`job / step` of what failed in a run."""
        found = await self.http.get(path_of(name, "actions", "runs", str(run), "jobs"), JobsAnswer)
        failed = [job for job in found.jobs if job.conclusion == "failure"]
        steps = [f"{job.name} / {step.name}" for job in failed for step in job.steps if step.conclusion == "failure"]
        return tuple(steps or [job.name for job in failed])

    async def commits(
        self,
        name: str,
        *,
        branch: str | None = None,
        path: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[Commit, ...]:
        """Commits of a branch, newest first."""
        params: Params = {
            "sha": branch,
            "path": path,
            "since": _stamp(since),
            "until": _stamp(until),
            "per_page": PAGE,
        }
        found = await self.http.get(path_of(name, "commits"), list[CommitAnswer], params=params)
        return tuple(commit_of(item) for item in found)

    async def commit(self, name: str, ref: str) -> tuple[Commit, tuple[ChangedFile, ...]]:
        """One commit with what it changed. Raises NotFoundError."""
        found = await self.http.get(path_of(name, "commits", ref), CommitAnswer)
        return commit_of(found), tuple(_file(item) for item in found.files)

    async def compare(self, name: str, *, base: str, head: str) -> Comparison:
        """What lies between two commits, branches or tags. GitHub gives at most 300 files."""
        found = await self.http.get(path_of(name, "compare", f"{base}...{head}"), CompareAnswer)
        return Comparison(
            base=base,
            head=head,
            status=found.status,
            commits=tuple(commit_of(item) for item in found.commits),
            files=tuple(_file(item) for item in found.files),
            total_commits=found.total_commits,
            url=found.html_url,
        )

    async def pulls(
        self, name: str, *, state: str = "all", head: str | None = None, base: str | None = None
    ) -> tuple[PullRequest, ...]:
        """Pull requests, the latest created first. `head` is `owner:branch`."""
        params: Params = {
            "state": state,
            "head": head,
            "base": base,
            "sort": "created",
            "direction": "desc",
            "per_page": PAGE,
        }
        found = await self.http.get(path_of(name, "pulls"), list[PullAnswer], params=params)
        return tuple(pull_of(item) for item in found)

    async def pull(self, name: str, number: int) -> PullRequest:
        """One pull request. Raises NotFoundError."""
        return pull_of(await self.http.get(path_of(name, "pulls", str(number)), PullAnswer))

    async def pulls_of_commit(self, name: str, sha: str) -> tuple[PullRequest, ...]:
        """The pull requests that brought a commit."""
        found = await self.http.get(path_of(name, "commits", sha, "pulls"), list[PullAnswer])
        return tuple(pull_of(item) for item in found)

    async def branch_head(self, name: str, branch: str) -> tuple[str, bool]:
        """The commit that a branch points at, and whether the branch is protected. Raises NotFoundError."""
        found = await self.http.get(path_of(name, "branches", branch), BranchAnswer)
        return found.commit.sha, found.protected

    async def file(self, name: str, path: str) -> tuple[str, str]:
        """A text file of the default branch, and its page. Raises NotFoundError."""
        found = await self.http.get(path_of(name, "contents", *path.split("/")), ContentAnswer)
        text = base64.b64decode(found.content) if found.encoding == "base64" else found.content.encode()
        return text.decode(errors="replace"), found.html_url or ""

    def describe(self, name: str, *parts: str, params: Mapping[str, str | None] | None = None) -> str:
        """The request as evidence names it."""
        return self.http.describe(path_of(name, *parts), params=params)


def path_of(repository: str, *parts: str) -> str:
    """The path of something in a repository, every part quoted. Raises PermanentError for what is no `owner/name`."""
    owner, _, name = repository.partition("/")
    if not owner or not name or "/" in name:
        raise PermanentError(f"{repository!r} is no repository: write owner/name")
    return "/" + "/".join(segment(part) for part in ("repos", owner, name, *parts))


def commit_of(item: CommitAnswer) -> Commit:
    """A commit of an answer."""
    own, author = item.commit, item.author
    return Commit(
        sha=item.sha,
        message=redact(own.message),
        author=(author.login if author else "") or (own.author.name if own.author else ""),
        authored_at=own.author.date if own.author else None,
        committed_at=own.committer.date if own.committer else None,
        parents=tuple(parent.sha for parent in item.parents),
        url=item.html_url,
    )


def pull_of(item: PullAnswer) -> PullRequest:
    """A pull request of an answer."""
    return PullRequest(
        number=item.number,
        title=redact(item.title),
        body=redact(item.body or ""),
        state=item.state,
        merged_at=item.merged_at,
        merge_commit=item.merge_commit_sha if item.merged_at else None,
        head=item.head.ref,
        base=item.base.ref,
        author=item.user.login if item.user else "",
        commits=item.commits,
        created_at=item.created_at,
        url=item.html_url,
    )


def _file(item: FileAnswer) -> ChangedFile:
    patch = redact(item.patch or "")
    return ChangedFile(
        path=item.filename,
        status=item.status,
        additions=item.additions,
        deletions=item.deletions,
        patch=patch[:PATCH_CHARACTERS],
        previous_path=item.previous_filename,
        cut=len(patch) > PATCH_CHARACTERS or (item.patch is None and item.additions + item.deletions > 0),
    )


def _deployment(item: DeploymentAnswer) -> Deployment:
    return Deployment(
        id=item.id,
        sha=item.sha,
        ref=item.ref,
        environment=item.environment,
        creator=item.creator.login if item.creator else "",
        created_at=item.created_at,
        description=redact(item.description or ""),
    )


def _run(item: RunAnswer) -> WorkflowRun:
    return WorkflowRun(
        id=item.id,
        name=item.name or "",
        branch=item.head_branch or "",
        sha=item.head_sha,
        event=item.event,
        status=item.status or "",
        conclusion=item.conclusion or "",
        actor=item.actor.login if item.actor else "",
        created_at=item.created_at,
        updated_at=item.updated_at,
        attempt=item.run_attempt,
        url=item.html_url,
    )


def _stamp(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else None
