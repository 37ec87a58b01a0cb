"""What of a workload is deployed, since when, and whether it is well; and whether a commit is in it."""

from agents.cicd.origin import same_commit
from agents.enquiry.origin import applications
from agents.enquiry.seen import Notebook
from agents.wording import clock_time, listed
from tools.kubernetes.probes.revisions import PROBE as REVISIONS
from tools.kubernetes.revision import Rollout
from tools.kubernetes.scope import Where
from tools.kubernetes.workload import Workload, Workloads
from tools.probe import Observation


async def answer(workload: Workload, seen: Observation[Workloads], notes: Notebook, *, commit: str = "") -> None:
    """Note what runs; with a commit whether that is it."""
    entity, name, replicas = workload.meta.entity, workload.meta.name, workload.replicas
    history = await notes.look(REVISIONS, Where(entity=entity))
    rollout = history.view.of(entity) if history else None
    if history is not None and rollout is not None and rollout.current is not None:
        current = rollout.current
        images = listed(image.rsplit("/", 1)[-1] for image in current.images)
        since = f" since {clock_time(current.deployed, now=notes.now)}" if current.deployed else ""
        notes.tell(f"{name} runs revision {current.number} ({images}){since}", seen=history)
        if commit:
            notes.tell(_of_commit(commit, rollout, notes), seen=history)
    notes.tell(f"{replicas.available} of {replicas.desired} pods available, {replicas.updated} of them new", seen=seen)
    if notes.cluster.argocd is None:
        return
    try:
        synced, found = await applications(notes, entity)
    except LookupError:
        return
    for app in found:
        last = f", last sync {app.operation.phase}" if app.operation else ""
        notes.tell(f"{app.name} is {app.sync} and {app.health} at {app.revision[:7]}{last}", seen=synced)
    if not found:
        notes.tell(f"no application of Argo CD deploys {name}", seen=synced)


def _of_commit(commit: str, rollout: Rollout, notes: Notebook) -> str:
    """Whether it is what runs, ran before, or is not known here."""
    found = next((revision for revision in rollout.revisions if same_commit(revision.commit, commit)), None)
    if found is None:
        known = any(revision.commit for revision in rollout.revisions)
        return f"no kept revision names {commit[:7]}" + (
            "" if known else ": its images and labels name no commit at all"
        )
    if found.current:
        return f"{commit[:7]} is deployed"
    since = f", deployed {clock_time(found.deployed, now=notes.now)}" if found.deployed else ""
    return f"{commit[:7]} is not what runs: it is revision {found.number}{since}"
