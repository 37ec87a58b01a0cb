"""Whether a commit has reached the estate: by the deployments that GitHub records, or by what Argo CD synchronised."""

from collections.abc import AsyncIterator
from datetime import datetime

from incidents.value import Value
from tools.errors import ForbiddenError, NotFoundError
from tools.estate import WriteCluster
from tools.github.client import GitHubClient

NEWEST = 5
"""Deployments since the merge that are looked at, the newest first."""
CONTAINS = frozenset({"ahead", "identical"})
"""How GitHub says that a commit comes after another, or is the same."""


class Delivered(Value):
    """What is known of a commit on its way."""

    reached: bool
    text: str


async def delivery_of(
    cluster: WriteCluster, client: GitHubClient, repository: str, *, commit: str, since: datetime
) -> Delivered | None:
    """How far a commit has come that was merged at `since`. None when nothing here tells. Raises ToolError."""
    known = False
    async for told in _told(cluster, client, repository, commit=commit, since=since):
        if told.reached:
            return told
        known = True
    return Delivered(reached=False, text="its deploy has not been seen yet") if known else None


async def _told(
    cluster: WriteCluster, client: GitHubClient, repository: str, *, commit: str, since: datetime
) -> AsyncIterator[Delivered]:
    """What each system that knows of the repository's deploys says."""
    try:
        deployments = await client.deployments(repository)
    except (ForbiddenError, NotFoundError):
        deployments = ()
    if deployments:
        yield Delivered(reached=False, text="GitHub records its deployments")
    for deployment in [one for one in deployments if one.created_at >= since][:NEWEST]:
        stated = await client.with_status(repository, deployment)
        if stated.state == "success" and await _contains(client, repository, commit=commit, later=stated.sha):
            yield Delivered(reached=True, text=f"{stated.sha[:7]} was deployed to {stated.environment}")
    for app in await cluster.argocd.applications() if cluster.argocd else ():
        if not _same_repository(app.repository, repository):
            continue
        last = app.history[-1] if app.history else None
        synced = last is not None and last.deployed_at is not None and last.deployed_at >= since
        if synced and last and await _contains(client, repository, commit=commit, later=last.revision):
            yield Delivered(reached=True, text=f"Argo CD brought application {app.name} to {last.revision[:7]}")
        yield Delivered(reached=False, text=f"application {app.name} follows the repository")


async def _contains(client: GitHubClient, repository: str, *, commit: str, later: str) -> bool:
    if commit == later:
        return True
    try:
        return (await client.compare(repository, base=commit, head=later)).status in CONTAINS
    except NotFoundError:
        return False


def _same_repository(url: str, repository: str) -> bool:
    """`https://github.com/shop/checkout.git` and `git@github.com:shop/checkout` are `shop/checkout`."""
    path = url.removesuffix("/").removesuffix(".git").replace(":", "/").lower()
    return path.endswith(f"/{repository.lower()}")
