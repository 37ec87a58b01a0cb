"""Writes to GitHub through the git data API: trees, commits, branches, pull requests. Used by actions only.

There is no call here that moves an existing branch: what is proposed goes to a branch of its own.
"""

import base64
from collections.abc import Mapping

from incidents.canonical import Json
from incidents.value import Value
from tools.errors import NotFoundError, PermanentError
from tools.github.answers import BlobAnswer, GitObjectAnswer, GitRefAnswer, PullAnswer, ShaAnswer, TreeAnswer
from tools.github.client import GitHubClient, PullRequest, path_of, pull_of

FILE_MODES = frozenset({"100644", "100755", "120000"})
LARGEST_FILE = 1024 * 1024
"""Bytes of one file that are merged line by line; what is larger is no configuration."""


class TreeFile(Value):
    """One file of a tree: its mode and the id of its content."""

    mode: str
    sha: str


async def tree_of(client: GitHubClient, repository: str, commit: str) -> Mapping[str, TreeFile]:
    """Every file of a commit by its path. Raises PermanentError when GitHub cannot list them all at once."""
    found = await client.http.get(path_of(repository, "git", "commits", commit), GitObjectAnswer)
    path = path_of(repository, "git", "trees", found.tree.sha)
    tree = await client.http.get(path, TreeAnswer, params={"recursive": 1})
    if tree.truncated:
        raise PermanentError(f"{repository} has too many files for GitHub to list: revert by hand")
    return {entry.path: TreeFile(mode=entry.mode, sha=entry.sha) for entry in tree.tree if entry.type == "blob"}


async def tree_id(client: GitHubClient, repository: str, commit: str) -> str:
    """The id of a commit's tree."""
    return (await client.http.get(path_of(repository, "git", "commits", commit), GitObjectAnswer)).tree.sha


async def content_of(client: GitHubClient, repository: str, blob: str) -> bytes:
    """The content of a file by its id."""
    found = await client.http.get(path_of(repository, "git", "blobs", blob), BlobAnswer)
    content = base64.b64decode(found.content) if found.encoding == "base64" else found.content.encode()
    if len(content) > LARGEST_FILE:
        raise PermanentError(
            f"a file of {len(content)} bytes in {repository} is too large to be merged: revert by hand"
        )
    return content


async def create_blob(client: GitHubClient, repository: str, content: bytes) -> str:
    """Store content; answers its id. The same content has the same id."""
    body: Json = {"content": base64.b64encode(content).decode(), "encoding": "base64"}
    return (await client.http.send("POST", path_of(repository, "git", "blobs"), ShaAnswer, body=body)).sha


async def create_tree(client: GitHubClient, repository: str, *, base: str, files: Mapping[str, TreeFile | None]) -> str:
    """A tree that is `base` with these files set, or removed where None; answers its id."""
    entries: list[Json] = [
        {
            "path": path,
            "mode": file.mode if file else "100644",
            "type": "blob",
            "sha": file.sha if file else None,
        }
        for path, file in sorted(files.items())
    ]
    body: Json = {"base_tree": base, "tree": entries}
    return (await client.http.send("POST", path_of(repository, "git", "trees"), ShaAnswer, body=body)).sha


async def create_commit(client: GitHubClient, repository: str, *, message: str, tree: str, parent: str) -> str:
    """A commit; answers its id."""
    body: Json = {"message": message, "tree": tree, "parents": [parent]}
    return (await client.http.send("POST", path_of(repository, "git", "commits"), ShaAnswer, body=body)).sha


async def create_branch(client: GitHubClient, repository: str, *, branch: str, commit: str) -> None:
    """A new branch at a commit. Raises PermanentError when there is one of that name."""
    body: Json = {"ref": f"refs/heads/{branch}", "sha": commit}
    await client.http.send("POST", path_of(repository, "git", "refs"), GitRefAnswer, body=body)


async def has_branch(client: GitHubClient, repository: str, branch: str) -> bool:
    """Whether there is a branch of that name."""
    try:
        await client.branch_head(repository, branch)
    except NotFoundError:
        return False
    return True


async def delete_branch(client: GitHubClient, repository: str, branch: str) -> None:
    """Remove a branch. Raises NotFoundError or PermanentError when there is none."""
    path = path_of(repository, "git", "refs", "heads", *branch.split("/"))
    await client.http.send("DELETE", path, type(None))


async def open_pull(
    client: GitHubClient, repository: str, *, title: str, body: str, head: str, base: str
) -> PullRequest:
    """Open a pull request."""
    content: Json = {"title": title, "body": body, "head": head, "base": base, "maintainer_can_modify": True}
    return pull_of(await client.http.send("POST", path_of(repository, "pulls"), PullAnswer, body=content))


async def change_pull(client: GitHubClient, repository: str, number: int, *, state: str, body: str) -> PullRequest:
    """Close or reopen a pull request, with a new description."""
    content: Json = {"state": state, "body": body}
    return pull_of(await client.http.send("PATCH", path_of(repository, "pulls", str(number)), PullAnswer, body=content))
