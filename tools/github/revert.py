"""What reverting one commit on a branch means, file by file: found by reading, before anything is written."""

from collections.abc import Mapping

from incidents.value import Value
from tools.errors import ConflictError, NotFoundError, PermanentError
from tools.github.client import Commit, GitHubClient
from tools.github.git_data import FILE_MODES, TreeFile, content_of, create_blob, tree_of
from tools.github.merge import merge

MOST_FILES = 50
"""Files of one revert: what touches more is a migration that people take back in steps."""


class FileRevert(Value):
    """One file of a revert."""

    path: str
    before: TreeFile | None
    """As it is on the branch; None when it is not there."""
    after: TreeFile | None
    """As it was before the commit; None when it was not there."""
    merged: bool = False
    """The file changed since: the commit's lines are taken back, later ones stay."""


class RevertPlan(Value):
    """A commit, the branch it is reverted on, and what that does to each file."""

    repository: str
    commit: Commit
    parent: str
    branch: str
    head: str
    protected: bool
    pull_request: int | None = None
    files: tuple[FileRevert, ...]


async def plan_revert(
    client: GitHubClient, repository: str, *, commit: str | None, pull_request: int | None
) -> RevertPlan:
    """Read everything. Raises PermanentError when it makes no sense, ConflictError when lines overlap."""
    about = await client.repository(repository)
    sha = commit or await _merged_commit(client, repository, pull_request)
    found, _ = await client.commit(repository, sha)
    if not found.parents:
        raise PermanentError(f"{found.sha[:7]} is the first commit of {repository}: there is nothing before it")
    head, protected = await client.branch_head(repository, about.default_branch)
    parent = found.parents[0]  # of a merge, the branch it was merged into
    old, new = await tree_of(client, repository, parent), await tree_of(client, repository, found.sha)
    now = await tree_of(client, repository, head)
    changed = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    if len(changed) > MOST_FILES:
        raise PermanentError(f"{found.sha[:7]} changed {len(changed)} files, more than {MOST_FILES}: revert it by hand")
    files = [await _file(client, repository, path, old=old, new=new, now=now) for path in changed]
    return RevertPlan(
        repository=repository,
        commit=found,
        parent=parent,
        branch=about.default_branch,
        head=head,
        protected=protected,
        pull_request=pull_request,
        files=tuple(file for file in files if file is not None),
    )


async def reverted_files(client: GitHubClient, plan: RevertPlan) -> Mapping[str, TreeFile | None]:
    """The files as the revert commit has them; merged content is stored in the repository first."""
    found: dict[str, TreeFile | None] = {}
    for file in plan.files:
        if file.merged and file.before is not None:
            text = await _merged_text(client, plan, file)
            found[file.path] = TreeFile(
                mode=file.before.mode, sha=await create_blob(client, plan.repository, text.encode())
            )
        else:
            found[file.path] = file.after
    return found


async def _merged_commit(client: GitHubClient, repository: str, number: int | None) -> str:
    if number is None:
        raise PermanentError("revert_pull_request needs `commit` (a sha) or `pull_request` (a number)")
    pull = await client.pull(repository, number)
    if pull.merge_commit is None:
        raise PermanentError(f"pull request #{number} of {repository} was not merged: there is nothing to revert")
    found, _ = await client.commit(repository, pull.merge_commit)
    if len(found.parents) == 1 and (pull.commits or 1) > 1 and f"(#{number})" not in found.title:
        raise PermanentError(f"pull request #{number} was rebased into {pull.commits} commits: revert them one by one")
    return pull.merge_commit


async def _file(
    client: GitHubClient,
    repository: str,
    path: str,
    *,
    old: Mapping[str, TreeFile],
    new: Mapping[str, TreeFile],
    now: Mapping[str, TreeFile],
) -> FileRevert | None:
    """How one file goes back; None when it already is as it was."""
    before, after, theirs = now.get(path), old.get(path), new.get(path)
    if before == after:
        return None
    if before == theirs:
        return FileRevert(path=path, before=before, after=after)
    if before is None or after is None or theirs is None or before.mode not in FILE_MODES:
        raise ConflictError(f"{path} was added, moved or removed since: revert it by hand")
    revert = FileRevert(path=path, before=before, after=after, merged=True)
    if await _merge(client, repository, base=theirs, ours=before, theirs=after) is None:
        raise ConflictError(f"the same lines of {path} changed since: revert it by hand")
    return revert


async def _merge(
    client: GitHubClient, repository: str, *, base: TreeFile, ours: TreeFile, theirs: TreeFile
) -> str | None:
    texts = [(await content_of(client, repository, file.sha)).decode() for file in (base, ours, theirs)]
    return merge(*texts)


async def _merged_text(client: GitHubClient, plan: RevertPlan, file: FileRevert) -> str:
    new = await tree_of(client, plan.repository, plan.commit.sha)
    base = new.get(file.path)
    if base is None or file.before is None or file.after is None:
        raise NotFoundError(f"{file.path} is not in {plan.commit.sha[:7]}")
    text = await _merge(client, plan.repository, base=base, ours=file.before, theirs=file.after)
    if text is None:
        raise ConflictError(f"the same lines of {file.path} changed since: revert it by hand")
    return text
