"""GitHub: what the token may read, in which repositories, and when it ends."""

import asyncio
import re
from collections.abc import Iterable, Sequence

from incidents.value import Value
from service.doctor.argocd import ArgoCDView
from service.doctor.checking import Trouble, attempt, troubled, unconfigured
from service.doctor.finding import Finding, State
from service.doctor.kubernetes import listed
from tools.estate import Cluster
from tools.github.client import Deployment, GitHubClient, WorkflowRun
from tools.github.permission import READ, RepositoryAccess, access_to

WHAT = "GitHub"
MEANS = "commits, pull requests, workflow runs and deployments behind a change"
MOST = 10
"""Repositories that are looked at; settings may name hundreds."""
_NAME = re.compile(r"[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$")


class GitHubView(Value):
    """What the read token sees."""

    repositories: tuple[RepositoryAccess, ...]
    unseen: tuple[str, ...] = ()
    """Repositories that could not be read, each with the reason."""
    events: tuple[str, ...] = ()
    """What started the latest workflow runs: `push`, `pull_request`, ..."""
    environments: tuple[str, ...] = ()
    """Of the latest deployments."""


async def check(cluster: Cluster, *, named: Sequence[str]) -> tuple[GitHubView | None, Finding]:
    """The row, from a look at each of these repositories (`owner/name`)."""
    if cluster.github is None:
        return None, unconfigured(cluster=cluster.name, what=WHAT, means=MEANS, setting="github")
    seen = await attempt(look(cluster.github, named))
    if isinstance(seen, Trouble):
        return None, troubled(seen, cluster=cluster.name, what=WHAT, means=MEANS, setting="github")
    return seen, judge(seen, cluster=cluster.name)


def repositories_of(named: Iterable[str], argocd: ArgoCDView | None) -> tuple[str, ...]:
    """`owner/name` of every repository that settings name or Argo CD deploys from. Pure."""
    urls = [one.repository for one in argocd.applications] if argocd else []
    found = [match[1] for url in urls if (match := _NAME.search(url))]
    return tuple(dict.fromkeys((*named, *found)))


async def look(client: GitHubClient, named: Sequence[str]) -> GitHubView:
    """Ask about each repository. Raises ToolError when none of them can be read."""
    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(attempt(access_to(client, name))) for name in named}
        latest = [group.create_task(_lately(client, name)) for name in named]
    answers = {name: task.result() for name, task in tasks.items()}
    events, environments = zip(*(task.result() for task in latest), strict=True) if latest else ((), ())
    return GitHubView(
        repositories=tuple(a for a in answers.values() if isinstance(a, RepositoryAccess)),
        unseen=tuple(f"{name}: {a.message}" for name, a in answers.items() if isinstance(a, Trouble)),
        events=tuple(sorted({event for own in events for event in own})),
        environments=tuple(sorted({environment for own in environments for environment in own})),
    )


class _Runs(Value):
    runs: tuple[WorkflowRun, ...]


class _Deployments(Value):
    deployments: tuple[Deployment, ...]


async def _lately(client: GitHubClient, name: str) -> tuple[set[str], set[str]]:
    """Events of runs and environments of deployments; nothing where they may not be read."""

    async def runs() -> _Runs:
        return _Runs(runs=await client.workflow_runs(name))

    async def deployments() -> _Deployments:
        return _Deployments(deployments=await client.deployments(name))

    ran, deployed = await attempt(runs()), await attempt(deployments())
    events = {run.event for run in ran.runs} if isinstance(ran, _Runs) else set()
    environments = {one.environment for one in deployed.deployments} if isinstance(deployed, _Deployments) else set()
    return events, environments


def judge(seen: GitHubView, *, cluster: str) -> Finding:
    """What the view means. Pure."""
    if not seen.repositories and not seen.unseen:
        return Finding(
            cluster=cluster,
            what=WHAT,
            state=State.DEGRADED,
            found="configured, and no repository is known",
            means=f"not seen: {MEANS}",
            do=f"name them in clusters[{cluster}].repositories: {{workload: owner/name}}",
            blind=(MEANS,),
        )
    lacking = tuple(dict.fromkeys(name for one in seen.repositories for name in READ if name not in one.readable))
    pushing = [one.repository for one in seen.repositories if {"repo", "workflow"} & set(one.scopes)]
    state = State.FAILED if not seen.repositories else State.DEGRADED if seen.unseen or lacking or pushing else State.OK
    return Finding(
        cluster=cluster,
        what=WHAT,
        state=state,
        found=_found(seen, lacking, pushing),
        means=f"not seen: {listed(lacking)}" if lacking else MEANS if seen.repositories else f"not seen: {MEANS}",
        do=_advice(seen, lacking, pushing),
        sees=tuple(name for name in READ if name not in lacking) if seen.repositories else (),
        blind=lacking if seen.repositories else tuple(READ),
    )


def _found(seen: GitHubView, lacking: tuple[str, ...], pushing: list[str]) -> str:
    parts = [f"reads {listed([one.repository for one in seen.repositories])}"] if seen.repositories else []
    parts += [f"cannot read {why}" for why in seen.unseen[:2]]
    if lacking:
        parts.append(f"may not read {listed(lacking)}")
    if pushing:
        parts.append("the read token is a classic one that may write")
    if ends := sorted({one.expires for one in seen.repositories if one.expires}):
        parts.append(f"the token ends {ends[0]}")
    return "; ".join(parts)


def _advice(seen: GitHubView, lacking: tuple[str, ...], pushing: list[str]) -> str:
    parts = []
    if seen.unseen or lacking:
        parts.append("give the token Contents, Pull requests, Actions and Deployments: read, in these repositories")
    if pushing:
        parts.append("use a fine-grained token or a GitHub App with read permissions only")
    return "; ".join(parts)
