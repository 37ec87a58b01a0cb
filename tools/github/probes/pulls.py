"""Pull requests: those that brought a commit, or the latest of a repository."""

from incidents.evidence import Source
from incidents.value import Value
from tools.estate import Cluster
from tools.github.client import SYSTEM, PullRequest
from tools.github.naming import repository_id
from tools.observing import configured, observed
from tools.probe import Observation, Probe


class PullsArgs(Value):
    """Which repository (`owner/name`): the pull requests of one commit, or the latest of a state."""

    repository: str
    commit: str | None = None
    state: str = "all"


class PullsView(Value):
    """The pull requests, the latest created first."""

    repository: str
    pulls: tuple[PullRequest, ...]


async def _run(cluster: Cluster, args: PullsArgs) -> Observation[PullsView]:
    client = configured(cluster.github, system=SYSTEM, cluster=cluster.name)
    if args.commit:
        found = await client.pulls_of_commit(args.repository, args.commit)
        query = client.describe(args.repository, "commits", args.commit, "pulls")
    else:
        found = await client.pulls(args.repository, state=args.state)
        query = client.describe(args.repository, "pulls", params={"state": args.state})
    return observed(
        PullsView(repository=args.repository, pulls=found),
        probe=PROBE.name,
        source=Source.GITHUB,
        query=query,
        at=cluster.clock.now(),
        title=f"pull requests of {args.repository}",
        entities=(repository_id(cluster.name, args.repository),),
        complete=False,
    )


PROBE = Probe(
    name="github.pulls",
    source=Source.GITHUB,
    describe="Pull requests of a repository, or those that brought a commit.",
    args=PullsArgs,
    view=PullsView,
    run=_run,
)
