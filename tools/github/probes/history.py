"""The commits of a repository up to one, each with what it changed: which of them did it, a difference cannot say."""

import asyncio
from datetime import datetime

from incidents.evidence import Source, Window
from incidents.value import Value
from tools.estate import Cluster
from tools.github.client import PAGE, SYSTEM, ChangedFile, Commit, GitHubClient
from tools.github.naming import repository_id
from tools.observing import configured, observed
from tools.probe import Observation, Probe

MOST_COMMITS = PAGE
"""Commits that are read one by one, newest first: each is a request of its own."""
AT_ONCE = 6
PATCHES = 45_000
"""Characters of all patches together that fit into one evidence body."""


class HistoryArgs(Value):
    """Which repository (`owner/name`), from which commit or branch backwards (the default branch when not given)."""

    repository: str
    head: str | None = None
    since: datetime
    until: datetime


class Written(Value):
    """One commit and what it changed. `cut` when not all of its patches are here."""

    commit: Commit
    files: tuple[ChangedFile, ...]
    cut: bool = False


class HistoryView(Value):
    """Commits, newest first."""

    repository: str
    commits: tuple[Written, ...]
    whole: bool = True
    """Whether all commits of the window were read."""


def fitting(found: list[tuple[Commit, tuple[ChangedFile, ...]]]) -> tuple[Written, ...]:
    """The commits with as many patches as fit, newest first. Pure."""
    left, kept = PATCHES, list[Written]()
    for commit, files in found:
        some: list[ChangedFile] = []
        for file in files:
            patch = file.patch[: max(0, left)]
            left -= len(patch)
            some.append(file.model_copy(update={"patch": patch, "cut": file.cut or len(patch) < len(file.patch)}))
        kept.append(Written(commit=commit, files=tuple(some), cut=any(file.cut for file in some)))
    return tuple(kept)


async def _run(cluster: Cluster, args: HistoryArgs) -> Observation[HistoryView]:
    client = configured(cluster.github, system=SYSTEM, cluster=cluster.name)
    listed = await client.commits(args.repository, branch=args.head, since=args.since, until=args.until)
    chosen = listed[:MOST_COMMITS]
    slots = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_read(client, args.repository, commit, slots)) for commit in chosen]
    view = HistoryView(
        repository=args.repository,
        commits=fitting([task.result() for task in tasks]),
        whole=len(listed) < PAGE,
    )
    short = f"{len(chosen)} of {len(listed)} commits were read" if not view.whole else None
    return observed(
        view,
        probe=PROBE.name,
        source=Source.GITHUB,
        query=client.describe(args.repository, "commits", params={"sha": args.head}),
        at=cluster.clock.now(),
        title=f"what the last commits of {args.repository} changed",
        window=Window(start=args.since, end=args.until),
        entities=(repository_id(cluster.name, args.repository),),
        complete=view.whole,
        cut=short,
    )


async def _read(
    client: GitHubClient, repository: str, commit: Commit, slots: asyncio.Semaphore
) -> tuple[Commit, tuple[ChangedFile, ...]]:
    async with slots:
        return await client.commit(repository, commit.sha)


PROBE = Probe(
    name="github.history",
    source=Source.GITHUB,
    describe="The commits of a repository in a window, each with the files and patches that it changed.",
    args=HistoryArgs,
    view=HistoryView,
    run=_run,
)
