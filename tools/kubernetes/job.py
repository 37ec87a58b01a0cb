"""Jobs and CronJobs: whether batch work runs, ends and comes again."""

from datetime import datetime

from incidents.entity import EntityKind
from incidents.ids import EntityId
from incidents.value import Value
from tools.kubernetes.condition import Condition, find, read_conditions
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import ObjectMeta, entity_id, read_meta
from tools.kubernetes.template import PodTemplate, read_template


class Job(Value):
    """One Job."""

    meta: ObjectMeta
    cronjob: EntityId | None = None
    completions: int | None = None
    parallelism: int = 1
    backoff_limit: int = 6
    deadline_s: int | None = None
    suspended: bool = False
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    started: datetime | None = None
    completed: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    template: PodTemplate = PodTemplate()

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type: Complete, Failed, FailureTarget, Suspended."""
        return find(self.conditions, kind)


class CronJob(Value):
    """One CronJob."""

    meta: ObjectMeta
    schedule: str
    timezone: str = ""
    suspended: bool = False
    concurrency: str = "Allow"
    deadline_s: int | None = None
    """startingDeadlineSeconds."""
    last_scheduled: datetime | None = None
    last_successful: datetime | None = None
    active: tuple[str, ...] = ()


class Jobs(Value):
    """Jobs and CronJobs of a scope."""

    jobs: tuple[Job, ...]
    cronjobs: tuple[CronJob, ...] = ()


def read_job(document: Document, *, cluster: str) -> Job:
    """Read a batch/v1 Job."""
    meta = read_meta(document, cluster=cluster, kind=EntityKind.JOB)
    spec, status, owner = document.at("spec"), document.at("status"), meta.controller
    backoff = spec.whole("backoffLimit")
    return Job(
        meta=meta,
        cronjob=entity_id(cluster, EntityKind.CRONJOB, owner.name, meta.namespace)
        if owner and owner.kind == "CronJob"
        else None,
        completions=spec.whole("completions"),
        parallelism=spec.whole("parallelism") or 1,
        backoff_limit=6 if backoff is None else backoff,
        deadline_s=spec.whole("activeDeadlineSeconds"),
        suspended=spec.flag("suspend"),
        active=status.count("active"),
        succeeded=status.count("succeeded"),
        failed=status.count("failed"),
        started=status.moment("startTime"),
        completed=status.moment("completionTime"),
        conditions=read_conditions(status),
        template=read_template(spec.at("template")),
    )


def read_cronjob(document: Document, *, cluster: str) -> CronJob:
    """Read a batch/v1 CronJob."""
    spec, status = document.at("spec"), document.at("status")
    return CronJob(
        meta=read_meta(document, cluster=cluster, kind=EntityKind.CRONJOB, managers=True),
        schedule=spec.word("schedule"),
        timezone=spec.word("timeZone"),
        suspended=spec.flag("suspend"),
        concurrency=spec.text("concurrencyPolicy") or "Allow",
        deadline_s=spec.whole("startingDeadlineSeconds"),
        last_scheduled=status.moment("lastScheduleTime"),
        last_successful=status.moment("lastSuccessfulTime"),
        active=tuple(item.word("name") for item in status.items("active")),
    )
