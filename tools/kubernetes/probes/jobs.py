"""Jobs and CronJobs of a scope."""

from incidents.entity import EntityKind
from incidents.evidence import Source
from tools.estate import Cluster
from tools.kubernetes.job import Jobs, read_cronjob, read_job
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel
from tools.kubernetes.scope import Where, list_kind
from tools.probe import Observation, Probe


async def run(cluster: Cluster, where: Where) -> Observation[Jobs]:
    """List Jobs and CronJobs. Raises ToolError."""
    async with parallel() as group:
        jobs = group.create_task(list_kind(cluster, EntityKind.JOB, where))
        crons = group.create_task(list_kind(cluster, EntityKind.CRONJOB, where))
    found = [jobs.result(), crons.result()]
    read = [read_job(item, cluster=cluster.name) for item in found[0].items]
    view = Jobs(
        jobs=tuple(sorted(read, key=lambda job: (job.failed == 0, job.meta.entity))),
        cronjobs=tuple(read_cronjob(item, cluster=cluster.name) for item in found[1].items),
    )
    return observed(
        cluster,
        view,
        probe=PROBE.name,
        title="jobs",
        where=where,
        found=found,
        entities=(*(job.meta.entity for job in view.jobs), *(cron.meta.entity for cron in view.cronjobs)),
    )


PROBE = Probe(
    name="kubernetes.jobs",
    source=Source.KUBERNETES,
    describe="Jobs and CronJobs: active, succeeded, failed, their conditions and schedules. "
    "Ask when batch work fails or does not start.",
    args=Where,
    view=Jobs,
    run=run,
)
