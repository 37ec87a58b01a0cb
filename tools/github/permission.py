"""What a GitHub token may do in one repository, read by looking, written by trials that cannot succeed."""

import asyncio

from incidents.canonical import Json
from incidents.value import Value
from tools.errors import ForbiddenError, NotFoundError, PermanentError
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
    scopes: tuple[str, ...] = ()
    """Of a classic token; empty for fine-grained tokens and GitHub Apps."""
    expires: str = ""
    """When the token ends, as GitHub writes it."""
    readable: tuple[str, ...] = ()
    """Names of READ that can be read."""
    archived: bool = False


NULL_COMMIT = "0" * 40
NO_BRANCH = "midwatch/doctor/there-is-no-such-branch"


class _Branches(Wire):
    default_branch: str


class _Repository(Wire):
    full_name: str
    archived: bool = False


async def access_to(client: GitHubClient, repository: str) -> RepositoryAccess:
    """Ask. Raises ToolError: NotFoundError also when the token may not see the repository."""
    answer = await client.http.fetch("GET", path_of(repository))
    found = read(_Repository, answer.body, system=SYSTEM, what=repository)
    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(_readable(client, path_of(repository, *path))) for name, path in READ.items()}
    scopes = answer.headers.get("x-oauth-scopes", "")
    return RepositoryAccess(
        repository=found.full_name,
        scopes=tuple(scope.strip() for scope in scopes.split(",") if scope.strip()),
        expires=answer.headers.get("github-authentication-token-expiration", ""),
        readable=tuple(name for name, task in tasks.items() if task.result()),
        archived=found.archived,
    )


async def missing_writes(client: GitHubClient, repository: str) -> tuple[str, ...]:
    """Which permissions for opening a pull request these credentials lack. Raises TransientError.

    GitHub answers no question about a token's permissions, and its `permissions.push` is the owner's, not the token's.
    So two requests are sent that cannot succeed: a branch at the null commit, and a pull request from a branch that is
    not there. Whoever may write is told 422; whoever may not, 403 or 404.
    """
    base = read(_Branches, (await client.http.fetch("GET", path_of(repository))).body, system=SYSTEM, what=repository)
    trials: dict[str, tuple[str, Json]] = {
        "Contents: write": (path_of(repository, "git", "refs"), {"ref": f"refs/heads/{NO_BRANCH}", "sha": NULL_COMMIT}),
        "Pull requests: write": (
            path_of(repository, "pulls"),
            {"title": "trial", "head": NO_BRANCH, "base": base.default_branch, "body": ""},
        ),
    }
    return tuple([name for name, (path, body) in trials.items() if await _refused(client, path, body)])


async def _refused(client: GitHubClient, path: str, body: Json) -> bool:
    try:
        await client.http.send("POST", path, Wire, body=body)
    except (ForbiddenError, NotFoundError):
        return True
    except PermanentError:
        return False
    raise PermanentError(f"GitHub took a trial at {path} that it has to refuse: look at the repository")


async def _readable(client: GitHubClient, path: str) -> bool:
    try:
        await client.http.fetch("GET", path, params={"per_page": 1})
    except (ForbiddenError, NotFoundError):
        return False
    return True
