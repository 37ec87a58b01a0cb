"""What was deployed from a repository lately, by what GitHub was told: commit, environment, who, and how it ended."""

import asyncio

from incidents.evidence import Source
from incidents.value import Value
from tools.estate import Cluster
from tools.github.client import SYSTEM, Deployment
from tools.github.naming import repository_id
from tools.observing import configured, observed
from tools.probe import Observation, Probe

WITH_STATUS = 10
"""Deployments whose status is asked for, a request each: the latest."""


class DeploymentsArgs(Value):
    """Which repository (`owner/name`), and which environment, all when none is given."""

    repository: str
    environment: str | None = None


class DeploymentsView(Value):
    """The latest deployments, newest first; older ones without their status."""

    repository: str
    deployments: tuple[Deployment, ...]


async def _run(cluster: Cluster, args: DeploymentsArgs) -> Observation[DeploymentsView]:
    client = configured(cluster.github, system=SYSTEM, cluster=cluster.name)
    found = await client.deployments(args.repository, environment=args.environment)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(client.with_status(args.repository, one)) for one in found[:WITH_STATUS]]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    known = (*(task.result() for task in tasks), *found[WITH_STATUS:])
    return observed(
        DeploymentsView(repository=args.repository, deployments=known),
        probe=PROBE.name,
        source=Source.GITHUB,
        query=client.describe(args.repository, "deployments", params={"environment": args.environment}),
        at=cluster.clock.now(),
        title=f"deployments of {args.repository}",
        entities=(repository_id(cluster.name, args.repository),),
        link=f"https://github.com/{args.repository}/deployments" if client.http.base.host == "api.github.com" else None,
    )


PROBE = Probe(
    name="github.deployments",
    source=Source.GITHUB,
    describe="The latest deployments of a repository with commit, environment, creator and status.",
    args=DeploymentsArgs,
    view=DeploymentsView,
    run=_run,
)
