"""What CI and deploy workflows of a repository did lately, and which step failed."""

from datetime import datetime

from incidents.evidence import Source
from incidents.value import Value
from tools.estate import Cluster
from tools.github.client import SYSTEM, GitHubClient, WorkflowRun
from tools.github.naming import repository_id
from tools.observing import configured, observed
from tools.probe import Observation, Probe

EXPLAINED = 3
"""Failed runs whose jobs are looked at, a request each: the latest."""


class WorkflowRunsArgs(Value):
    """Which repository (`owner/name`); only one branch, one commit, or since when, when given."""

    repository: str
    branch: str | None = None
    sha: str | None = None
    since: datetime | None = None


class WorkflowRunsView(Value):
    """The latest runs, newest first."""

    repository: str
    runs: tuple[WorkflowRun, ...]


async def _run(cluster: Cluster, args: WorkflowRunsArgs) -> Observation[WorkflowRunsView]:
    client = configured(cluster.github, system=SYSTEM, cluster=cluster.name)
    created = f">={args.since:%Y-%m-%dT%H:%M:%SZ}" if args.since else None
    runs = await client.workflow_runs(args.repository, branch=args.branch, sha=args.sha, created=created)
    params = {"branch": args.branch, "head_sha": args.sha, "created": created}
    return observed(
        WorkflowRunsView(repository=args.repository, runs=await _explained(client, args.repository, runs)),
        probe=PROBE.name,
        source=Source.GITHUB,
        query=client.describe(args.repository, "actions", "runs", params=params),
        at=cluster.clock.now(),
        title=f"workflow runs of {args.repository}",
        entities=(repository_id(cluster.name, args.repository),),
    )


async def _explained(client: GitHubClient, repository: str, runs: tuple[WorkflowRun, ...]) -> tuple[WorkflowRun, ...]:
    failed = [run.id for run in runs if run.conclusion == "failure"][:EXPLAINED]
    steps = {run: await client.failed_steps(repository, run) for run in failed}
    return tuple(run.model_copy(update={"failed_steps": steps.get(run.id, ())}) for run in runs)


PROBE = Probe(
    name="github.workflow_runs",
    source=Source.GITHUB,
    describe="The latest workflow runs of a repository with their outcome, and the steps that failed.",
    args=WorkflowRunsArgs,
    view=WorkflowRunsView,
    run=_run,
)
