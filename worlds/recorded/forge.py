"""Recorded commits and deployments behind GitHub's API. Git's own ids cannot be derived: they are served as recorded.

Of a commit its diff was recorded and not its tree, so that files have no contents here.
"""

from collections.abc import Iterable

from worlds.recorded.recording import RecordedCommit, RecordedDeployment
from worlds.repository.forge import Deployment, DeploymentStatus, Forge
from worlds.repository.git import Commit, FileChange, Person, Repository, blob_id

_NOBODY = Person(name="unknown", email="unknown@localhost")


class RecordedRepository(Repository):
    """A line of commits of which only the diffs are known."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._changes: dict[str, list[FileChange]] = {}

    def add(self, recorded: RecordedCommit) -> None:
        """Put a commit on top of the default branch."""
        tip = self.branches.get(self.default_branch)
        self.commits[recorded.sha] = Commit(
            sha=recorded.sha,
            tree=blob_id(recorded.sha),
            parents=(tip,) if tip else (),
            author=recorded.author,
            at=recorded.at,
            message=recorded.message,
            files={},
        )
        self._changes[recorded.sha] = [_change(path, patch) for path, patch in sorted(recorded.patches.items())]
        self.branches[self.default_branch] = recorded.sha

    def changes(self, commit: Commit) -> list[FileChange]:
        """Return the diff that was recorded."""
        return self._changes.get(commit.sha, [])

    def difference(self, base: Commit | None, head: Commit) -> list[FileChange]:
        """Return the diffs of the commits in between, newest first; two diffs of one file follow each other."""
        reached = {commit.sha for commit in self.history(base.sha)} if base else set()
        between = [commit for commit in self.history(head.sha) if commit.sha not in reached]
        found: dict[str, FileChange] = {}
        for change in (change for commit in between for change in self.changes(commit)):
            known = found.get(change.path)
            found[change.path] = change if known is None else _joined(known, change)
        return [found[path] for path in sorted(found)]


def recorded_forge(commits: Iterable[RecordedCommit], deployments: Iterable[RecordedDeployment]) -> Forge:
    """Return a forge with these commits, oldest below, and deployments."""
    forge = Forge()
    for commit in sorted(commits, key=lambda one: one.at):
        _repository(forge, commit.repository).add(commit)
    for number, recorded in enumerate(sorted(deployments, key=lambda one: one.at), start=1):
        forge.deployments.append(_deployment(forge, recorded, number))
    return forge


def _repository(forge: Forge, name: str) -> RecordedRepository:
    found = forge.repositories.setdefault(name, RecordedRepository(name))
    if not isinstance(found, RecordedRepository):
        raise TypeError("a recorded forge holds recorded repositories only")
    return found


def _deployment(forge: Forge, recorded: RecordedDeployment, number: int) -> Deployment:
    commit = _repository(forge, recorded.repository).commits.get(recorded.sha)
    return Deployment(
        id=number,
        repository=recorded.repository,
        sha=recorded.sha,
        environment=recorded.environment,
        creator=commit.author if commit else _NOBODY,
        at=recorded.at,
        description=recorded.description,
        statuses=[DeploymentStatus(id=number, state=recorded.state, at=recorded.at, description=recorded.description)],
    )


def _change(path: str, patch: str) -> FileChange:
    lines = patch.splitlines()
    added = sum(line.startswith("+") and not line.startswith("+++") for line in lines)
    removed = sum(line.startswith("-") and not line.startswith("---") for line in lines)
    return FileChange(
        path=path, status=_status(lines), additions=added, deletions=removed, patch=patch, blob=blob_id(patch)
    )


def _status(lines: list[str]) -> str:
    """A hunk that starts from or ends in nothing says that the file came or went."""
    heads = [line for line in lines if line.startswith("@@")]
    if heads and all(" -0,0 " in head for head in heads):
        return "added"
    return "removed" if heads and all(" +0,0 " in head for head in heads) else "modified"


def _joined(newer: FileChange, older: FileChange) -> FileChange:
    return FileChange(
        path=newer.path,
        status=older.status if older.status == "added" else newer.status,
        additions=newer.additions + older.additions,
        deletions=newer.deletions + older.deletions,
        patch=f"{older.patch}\n{newer.patch}",
        blob=newer.blob,
    )
