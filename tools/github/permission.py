"""What a GitHub token may do in one repository, as far as GitHub says so without trying."""

import asyncio

from incidents.value import Value
from tools.errors import ForbiddenError, NotFoundError
from tools.github.client import SYSTEM, GitHubClient, path_of
from tools.wire import Wire, read

READ = {
    "pull requests": ("pulls",),
    "commits": ("commits",),
    "workflow runs": ("actions", "runs"),
    "deployments": ("deployments",),
}
"""What the cicd specialist reads, and the path below a repository that shows whether it may."""


class RepositoryAccess(Value):
    """What the token may do in one repository."""

    repository: str
    push: bool = False
    """GitHub's own word for: may push branches. A fine-grained token may still lack `Contents: write`."""
    scopes: tuple[str, ...] = ()
    """Of a classic token; empty for fine-grained tokens and GitHub Apps."""
    expires: str = ""
    """When the token ends, as GitHub writes it."""
    readable: tuple[str, ...] = ()
    """Names of READ that can be read."""
    archived: bool = False


class _Permissions(Wire):
    push: bool = False


class _Repository(Wire):
    full_name: str
    archived: bool = False
    permissions: _Permissions | None = None


async def access_to(client: GitHubClient, repository: str) -> RepositoryAccess:
    """Ask. Raises ToolError: NotFoundError also when the token may not see the repository."""
    answer = await client.http.fetch("GET", path_of(repository))
    found = read(_Repository, answer.body, system=SYSTEM, what=repository)
    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(_readable(client, path_of(repository, *path))) for name, path in READ.items()}
    scopes = answer.headers.get("x-oauth-scopes", "")
    return RepositoryAccess(
        repository=found.full_name,
        push=bool(found.permissions and found.permissions.push),
        scopes=tuple(scope.strip() for scope in scopes.split(",") if scope.strip()),
        expires=answer.headers.get("github-authentication-token-expiration", ""),
        readable=tuple(name for name, task in tasks.items() if task.result()),
        archived=found.archived,
    )


async def _readable(client: GitHubClient, path: str) -> bool:
    try:
        await client.http.fetch("GET", path, params={"per_page": 1})
    except (ForbiddenError, NotFoundError):
        return False
    return True
