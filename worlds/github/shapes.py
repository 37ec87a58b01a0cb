"""GitHub's JSON for commits, files, deployments, workflow runs and pull requests."""

import base64
from datetime import UTC, datetime

from worlds.objects.kinds import JsonObject
from worlds.repository.forge import Deployment, DeploymentStatus, PullRequest, WorkflowRun
from worlds.repository.git import Commit, FileChange, Person, Repository, blob_id


def stamp(at: float) -> str:
    """Write a time as GitHub does."""
    return datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Shapes:
    """Writes JSON with links below the API's base URL."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url

    def api(self, repository: str, path: str) -> str:
        """Return an API link."""
        return f"{self._base}/repos/{repository}/{path}"

    @staticmethod
    def html(repository: str, path: str) -> str:
        """Return a link for people."""
        return f"https://github.com/{repository}/{path}"

    @staticmethod
    def user(person: Person) -> JsonObject:
        """Return an account."""
        return {"login": person.login, "type": "User", "html_url": f"https://github.com/{person.login}"}

    def repository(self, repository: Repository) -> JsonObject:
        """Return a repository."""
        owner, _, name = repository.name.partition("/")
        return {
            "name": name,
            "full_name": repository.name,
            "private": True,
            "default_branch": repository.default_branch,
            "owner": {"login": owner, "type": "Organization"},
            "html_url": f"https://github.com/{repository.name}",
            "permissions": {"pull": True, "push": True, "admin": False},
        }

    def commit(self, repository: Repository, commit: Commit, *, files: list[FileChange] | None = None) -> JsonObject:
        """Return a commit; with its files and figures when they are given."""
        who = {"name": commit.author.name, "email": commit.author.email, "date": stamp(commit.at)}
        inner = {
            "author": who,
            "committer": who,
            "message": commit.message,
            "tree": {"sha": commit.tree, "url": self.api(repository.name, f"git/trees/{commit.tree}")},
        }
        body: JsonObject = {
            "sha": commit.sha,
            "commit": inner,
            "author": self.user(commit.author),
            "committer": self.user(commit.author),
            "url": self.api(repository.name, f"commits/{commit.sha}"),
            "html_url": self.html(repository.name, f"commit/{commit.sha}"),
            "parents": [
                {"sha": parent, "url": self.api(repository.name, f"commits/{parent}")} for parent in commit.parents
            ],
        }
        if files is not None:
            added, removed = sum(f.additions for f in files), sum(f.deletions for f in files)
            body["stats"] = {"additions": added, "deletions": removed, "total": added + removed}
            body["files"] = [self.file(repository, commit, change) for change in files]
        return body

    def file(self, repository: Repository, commit: Commit, change: FileChange) -> JsonObject:
        """Return what a commit did to a file."""
        return {
            "sha": change.blob,
            "filename": change.path,
            "status": change.status,
            "additions": change.additions,
            "deletions": change.deletions,
            "changes": change.additions + change.deletions,
            "patch": change.patch,
            "contents_url": self.api(repository.name, f"contents/{change.path}?ref={commit.sha}"),
        }

    def git_commit(self, repository: Repository, commit: Commit) -> JsonObject:
        """Return a commit of the Git database."""
        who = {"name": commit.author.name, "email": commit.author.email, "date": stamp(commit.at)}
        return {
            "sha": commit.sha,
            "message": commit.message,
            "author": who,
            "committer": who,
            "tree": {"sha": commit.tree},
            "parents": [{"sha": parent} for parent in commit.parents],
            "url": self.api(repository.name, f"git/commits/{commit.sha}"),
        }

    def deployment(self, one: Deployment) -> JsonObject:
        """Return a deployment."""
        last = one.statuses[-1].at if one.statuses else one.at
        return {
            "id": one.id,
            "sha": one.sha,
            "ref": "main",
            "task": "deploy",
            "environment": one.environment,
            "payload": {},
            "original_environment": one.environment,
            "description": one.description,
            "creator": self.user(one.creator),
            "created_at": stamp(one.at),
            "updated_at": stamp(last),
            "production_environment": one.environment == "production",
            "url": self.api(one.repository, f"deployments/{one.id}"),
            "statuses_url": self.api(one.repository, f"deployments/{one.id}/statuses"),
        }

    def deployment_status(self, one: Deployment, status: DeploymentStatus) -> JsonObject:
        """Return a deployment's status."""
        return {
            "id": status.id,
            "state": status.state,
            "description": status.description,
            "environment": one.environment,
            "creator": self.user(one.creator),
            "created_at": stamp(status.at),
            "updated_at": stamp(status.at),
            "deployment_url": self.api(one.repository, f"deployments/{one.id}"),
        }

    def run(self, one: WorkflowRun) -> JsonObject:
        """Return a workflow run."""
        return {
            "id": one.id,
            "name": one.workflow,
            "display_title": one.title,
            "event": one.event,
            "status": one.status,
            "conclusion": one.conclusion,
            "head_sha": one.sha,
            "head_branch": one.branch,
            "run_attempt": one.attempt,
            "path": f".github/workflows/{one.workflow}.yaml",
            "actor": self.user(one.actor),
            "created_at": stamp(one.created),
            "updated_at": stamp(one.updated),
            "run_started_at": stamp(one.created),
            "url": self.api(one.repository, f"actions/runs/{one.id}"),
            "html_url": self.html(one.repository, f"actions/runs/{one.id}"),
        }

    def pull(self, repository: Repository, one: PullRequest) -> JsonObject:
        """Return a pull request."""
        head = repository.branches.get(one.head, "")
        return {
            "number": one.number,
            "state": one.state,
            "title": one.title,
            "body": one.body,
            "user": self.user(one.author),
            "head": {"ref": one.head, "sha": head, "label": one.head},
            "base": {"ref": one.base, "sha": repository.branches.get(one.base, "")},
            "merged": one.merged is not None,
            "mergeable": one.state == "open",
            "mergeable_state": "clean",
            "merged_at": stamp(one.merged) if one.merged else None,
            "merge_commit_sha": one.merge_sha,
            "created_at": stamp(one.created),
            "draft": False,
            "url": self.api(one.repository, f"pulls/{one.number}"),
            "html_url": self.html(one.repository, f"pull/{one.number}"),
        }

    def content(self, repository: Repository, path: str, text: str) -> JsonObject:
        """Return a file's content."""
        return {
            "type": "file",
            "encoding": "base64",
            "name": path.rpartition("/")[2],
            "path": path,
            "size": len(text.encode()),
            "sha": blob_id(text),
            "content": base64.encodebytes(text.encode()).decode(),
            "url": self.api(repository.name, f"contents/{path}"),
        }

    def reference(self, repository: Repository, branch: str) -> JsonObject:
        """Return a branch's reference."""
        sha = repository.branches[branch]
        url = self.api(repository.name, f"git/refs/heads/{branch}")
        return {"ref": f"refs/heads/{branch}", "url": url, "object": {"type": "commit", "sha": sha}}
