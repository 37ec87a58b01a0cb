"""GitHub's answers as they come over the wire, the fields that are read of them. Used by this folder's clients only.

Field names follow https://docs.github.com/en/rest (API version 2022-11-28).
"""

from datetime import datetime

from tools.wire import Wire


class UserAnswer(Wire):
    """An account."""

    login: str = ""


class RepositoryAnswer(Wire):
    """GET /repos/{owner}/{repo}."""

    full_name: str
    default_branch: str
    archived: bool = False


class ContentAnswer(Wire):
    """GET /repos/{owner}/{repo}/contents/{path} of a file."""

    encoding: str = ""
    content: str = ""
    html_url: str | None = None


class DeploymentAnswer(Wire):
    """One of GET /repos/{owner}/{repo}/deployments."""

    id: int
    sha: str
    ref: str = ""
    environment: str = ""
    creator: UserAnswer | None = None
    created_at: datetime
    description: str | None = None


class StatusAnswer(Wire):
    """One of GET .../deployments/{id}/statuses, newest first."""

    state: str
    created_at: datetime | None = None
    description: str | None = None


class RunAnswer(Wire):
    """One workflow run."""

    id: int
    name: str | None = None
    head_branch: str | None = None
    head_sha: str = ""
    event: str = ""
    status: str | None = None
    conclusion: str | None = None
    actor: UserAnswer | None = None
    created_at: datetime
    updated_at: datetime | None = None
    run_attempt: int = 1
    html_url: str = ""


class RunsAnswer(Wire):
    """GET /repos/{owner}/{repo}/actions/runs."""

    workflow_runs: list[RunAnswer] = []


class StepAnswer(Wire):
    """One step of a job."""

    name: str = ""
    conclusion: str | None = None


class JobAnswer(Wire):
    """One job of a run."""

    name: str = ""
    conclusion: str | None = None
    steps: list[StepAnswer] = []


class JobsAnswer(Wire):
    """GET .../actions/runs/{id}/jobs."""

    jobs: list[JobAnswer] = []


class SignatureAnswer(Wire):
    """Who and when, in a commit."""

    name: str = ""
    date: datetime | None = None


class ShaAnswer(Wire):
    """A reference to an object."""

    sha: str


class GitCommitAnswer(Wire):
    """The git part of a commit."""

    message: str = ""
    author: SignatureAnswer | None = None
    committer: SignatureAnswer | None = None
    tree: ShaAnswer | None = None


class FileAnswer(Wire):
    """One changed file."""

    filename: str
    status: str = ""
    additions: int = 0
    deletions: int = 0
    patch: str | None = None
    previous_filename: str | None = None
    sha: str | None = None


class CommitAnswer(Wire):
    """GET /repos/{owner}/{repo}/commits/{ref}; lists leave out the files."""

    sha: str
    commit: GitCommitAnswer
    author: UserAnswer | None = None
    parents: list[ShaAnswer] = []
    files: list[FileAnswer] = []
    html_url: str = ""


class CompareAnswer(Wire):
    """GET /repos/{owner}/{repo}/compare/{base}...{head}."""

    status: str = ""
    total_commits: int = 0
    commits: list[CommitAnswer] = []
    files: list[FileAnswer] = []
    html_url: str = ""


class RefAnswer(Wire):
    """The end of a pull request."""

    ref: str
    sha: str = ""


class PullAnswer(Wire):
    """GET /repos/{owner}/{repo}/pulls/{number}; lists leave out `commits`."""

    number: int
    title: str = ""
    body: str | None = None
    state: str
    merged_at: datetime | None = None
    merge_commit_sha: str | None = None
    head: RefAnswer
    base: RefAnswer
    user: UserAnswer | None = None
    commits: int | None = None
    created_at: datetime | None = None
    html_url: str = ""


class BranchAnswer(Wire):
    """GET /repos/{owner}/{repo}/branches/{branch}."""

    commit: ShaAnswer
    protected: bool = False


class GitObjectAnswer(Wire):
    """GET /repos/{owner}/{repo}/git/commits/{sha}, and what POST to it answers."""

    sha: str
    tree: ShaAnswer
    parents: list[ShaAnswer] = []


class TreeEntryAnswer(Wire):
    """One entry of a tree."""

    path: str
    mode: str
    type: str
    sha: str = ""


class TreeAnswer(Wire):
    """GET /repos/{owner}/{repo}/git/trees/{sha}."""

    sha: str
    tree: list[TreeEntryAnswer] = []
    truncated: bool = False


class BlobAnswer(Wire):
    """GET /repos/{owner}/{repo}/git/blobs/{sha}."""

    sha: str = ""
    content: str = ""
    encoding: str = "base64"


class GitRefAnswer(Wire):
    """GET /repos/{owner}/{repo}/git/ref/heads/{branch}."""

    ref: str
    object: ShaAnswer


class IssueAnswer(Wire):
    """An issue of GET /repos/{owner}/{repo}/issues, which lists pull requests too, and what POST to it answers."""

    number: int
    title: str = ""
    state: str = ""
    body: str | None = None
    html_url: str = ""
    pull_request: dict[str, object] | None = None
    """Links of the pull request that it is; None for an issue."""
