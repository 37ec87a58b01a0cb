"""What changed of a workload lately: its rollouts with the fields they changed, and what Argo CD synchronised."""

from datetime import timedelta

from agents.enquiry.origin import applications
from agents.enquiry.seen import Notebook
from agents.wording import clock_time, count, listed
from tools.kubernetes.probes.revisions import PROBE as REVISIONS
from tools.kubernetes.revision import Revision
from tools.kubernetes.scope import Where
from tools.kubernetes.workload import Workload, Workloads
from tools.probe import Observation

LATELY = timedelta(days=7)
MOST = 5
FIELDS = 2
"""Changed fields that one line names."""


async def answer(workload: Workload, _: Observation[Workloads], notes: Notebook) -> None:
    """Note what changed within a week, newest first."""
    entity, name = workload.meta.entity, workload.meta.name
    seen = await notes.look(REVISIONS, Where(entity=entity))
    rollout = seen.view.of(entity) if seen else None
    if seen is not None:
        since = notes.now - LATELY
        revisions = [r for r in rollout.revisions if r.deployed and r.deployed >= since] if rollout else []
        for revision in revisions[:MOST]:
            notes.tell(_said(revision, name, notes), seen=seen)
        if not revisions:
            notes.tell(f"no rollout of {name} within {LATELY.days} days", seen=seen)
    if notes.cluster.argocd is None:
        return
    try:
        synced, found = await applications(notes, entity)
    except LookupError:
        return
    for app in found:
        for entry in [e for e in reversed(app.history) if e.deployed_at and e.deployed_at >= notes.now - LATELY][:2]:
            assert entry.deployed_at is not None
            by = f" by {entry.initiated_by}" if entry.initiated_by else ""
            when = clock_time(entry.deployed_at, now=notes.now)
            notes.tell(f"{when} {app.name} was synchronised to {entry.revision[:7]}{by}", seen=synced)


def _said(revision: Revision, name: str, notes: Notebook) -> str:
    assert revision.deployed is not None
    commit = f", commit {revision.commit[:7]}" if revision.commit else ""
    by = f" by {revision.actor}" if revision.actor else ""
    changes = sorted(revision.changes, key=lambda change: "labels" in change.path)
    fields = [f"{_leaf(c.path)} {c.before or 'nothing'} -> {c.after or 'removed'}" for c in changes[:FIELDS]]
    more = len(revision.changes) - len(fields)
    what = listed([*fields, *([count(more, "more field")] if more > 0 else [])], enough=FIELDS + 1)
    when = clock_time(revision.deployed, now=notes.now)
    return f"{when} revision {revision.number} of {name}{commit}{by}" + (f": {what}" if what else "")


def _leaf(path: str) -> str:
    """`resources.limits.memory`; of a label its name."""
    if '["' in path:
        return path.partition('["')[2].rstrip('"]')
    return path.rpartition("].")[2].removeprefix("spec.template.spec.")
