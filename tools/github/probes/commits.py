"""The commits of a repository in a time window, or one commit with what it changed."""

from datetime import datetime

from incidents.evidence import Source, Window
from incidents.value import Value
from tools.estate import Cluster
from tools.github.client import SYSTEM, ChangedFile, Commit
from tools.github.naming import repository_id
from tools.observing import configured, observed
from tools.probe import Observation, Probe


class CommitsArgs(Value):
    """Which repository (`owner/name`): one commit when `sha` is given, else those of a branch, path and window."""

    repository: str
    sha: str | None = None
    branch: str | None = None
    path: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class CommitsView(Value):
    """Commits, newest first. `files` says what the one commit changed that was asked for by its sha."""

    repository: str
    commits: tuple[Commit, ...]
    files: tuple[ChangedFile, ...] = ()


async def _run(cluster: Cluster, args: CommitsArgs) -> Observation[CommitsView]:
    client = configured(cluster.github, system=SYSTEM, cluster=cluster.name)
    if args.sha:
        commit, files = await client.commit(args.repository, args.sha)
        view = CommitsView(repository=args.repository, commits=(commit,), files=files)
        query, link = client.describe(args.repository, "commits", args.sha), commit.url or None
        title = f"commit {args.sha[:7]} of {args.repository}"
    else:
        found = await client.commits(
            args.repository, branch=args.branch, path=args.path, since=args.since, until=args.until
        )
        view = CommitsView(repository=args.repository, commits=found)
        query = client.describe(args.repository, "commits", params={"sha": args.branch, "path": args.path})
        link, title = None, f"commits of {args.repository}"
    return observed(
        view,
        probe=PROBE.name,
        source=Source.GITHUB,
        query=query,
        at=cluster.clock.now(),
        title=title,
        window=Window(start=args.since, end=args.until) if args.since and args.until else None,
        entities=(repository_id(cluster.name, args.repository),),
        link=link,
    )


PROBE = Probe(
    name="github.commits",
    source=Source.GITHUB,
    describe="Commits of a repository by branch, path and time, or one commit with its changed files and patches.",
    args=CommitsArgs,
    view=CommitsView,
    run=_run,
)
