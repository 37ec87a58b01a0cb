"""Batch work that failed, is suspended, or did not start when it was due."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.cron import last_due
from agents.kubernetes.sighted import events_of, fresh, latest
from agents.reporting import state
from agents.wording import since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.job import CronJob, Job, Jobs
from tools.probe import Observation

LATE = timedelta(minutes=5)
"""A start that is later than this after its time was missed: the controller looks every ten seconds."""

FAILED = FactSpec(
    kind=FactKind("job.failed"),
    role=FactRole.MECHANISM,
    meaning="A Job has failed for good.",
    attributes={"reason": "BackoffLimitExceeded, DeadlineExceeded, PodFailurePolicy...", "failed": "failed pods"},
)
SUSPENDED = FactSpec(
    kind=FactKind("cronjob.suspended"),
    role=FactRole.STATE,
    meaning="A CronJob is suspended: it starts nothing.",
    attributes={"manager": "who suspended it, by the API's own record"},
)
MISSED = FactSpec(
    kind=FactKind("cronjob.missed"),
    role=FactRole.SYMPTOM,
    meaning="A CronJob did not start when it was due.",
    attributes={"schedule": "its schedule", "last": "when it last started, ISO 8601", "running": "jobs still active"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """Facts of every Job and CronJob that was seen."""
    missed = {one.event.entity for one in events_of(sightings, "MissSchedule", "TooManyMissedTimes")}
    for seen in sightings.of(Jobs):
        for job in seen.view.jobs:
            condition = job.condition("Failed")
            if condition is not None and condition.holds and fresh(condition.changed, scene):
                yield _failed(job, seen, scene)
        for cron in seen.view.cronjobs:
            if cron.suspended:
                yield _suspended(cron, seen)
                continue
            due = _missed(cron, scene)
            if due is not None or cron.meta.entity in missed:
                yield _late(cron, due, seen, scene)


def _failed(job: Job, seen: Observation[Jobs], scene: Scene) -> Fact:
    condition = job.condition("Failed")
    reason, at = (condition.reason, condition.changed) if condition else ("", None)
    return state(
        FAILED,
        entity=job.meta.entity,
        text=f"job {job.meta.name} failed ({reason}, {job.failed} failed pods){since(at, now=scene.now)}",
        seen=[seen],
        at=at,
        related=[job.cronjob] if job.cronjob else [],
        detector=DETECTOR.name,
        reason=reason,
        failed=job.failed,
    )


def _suspended(cron: CronJob, seen: Observation[Jobs]) -> Fact:
    writers = [m for m in cron.meta.managers if "spec.suspend" in m.fields]
    at = latest(m.at for m in writers)
    manager = next((m.manager for m in writers if m.at == at), None)
    return state(
        SUSPENDED,
        entity=cron.meta.entity,
        text=f"cronjob {cron.meta.name} is suspended{f' by {manager}' if manager else ''}{since(at)}",
        seen=[seen],
        at=at,
        detector=DETECTOR.name,
        manager=manager,
    )


def _missed(cron: CronJob, scene: Scene) -> datetime | None:
    """When it was due and did not start; None when all is well."""
    due = last_due(cron.schedule, now=scene.now - LATE, timezone=cron.timezone)
    created = cron.meta.created
    if due is None or (created is not None and created >= due):
        return None
    return due if cron.last_scheduled is None or cron.last_scheduled < due else None


def _late(cron: CronJob, due: datetime | None, seen: Observation[Jobs], scene: Scene) -> Fact:
    running = f", {len(cron.active)} still active" if cron.active else ""
    return state(
        MISSED,
        entity=cron.meta.entity,
        text=f"cronjob {cron.meta.name} ({cron.schedule}) did not start{running}"
        f"{since(due, now=scene.now).replace(' since', ' at')}",
        seen=[seen],
        at=due,
        detector=DETECTOR.name,
        schedule=cron.schedule,
        last=cron.last_scheduled.isoformat() if cron.last_scheduled else None,
        running=len(cron.active),
    )


DETECTOR = Detector(name="kubernetes.jobs", emits=(FAILED, SUSPENDED, MISSED), needs=(Jobs,), detect=detect)
