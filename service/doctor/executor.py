"""Writing: which actions of the catalogue the executor's credentials can execute, and what is more than they need."""

from collections.abc import Sequence

from orchestrator.executor.readiness import NO_KUBERNETES, ActionReadiness, Readiness
from service.doctor.finding import Finding, State
from service.doctor.kubernetes import listed

WHAT = "Actions"
REPAIR = "apply the executor's role from deploy/kubernetes/rbac.yaml, or add what is named to your own"


def not_here(cluster: str) -> Finding:
    """The row of a process that has no executor role."""
    return Finding(
        cluster=cluster,
        what=WHAT,
        state=State.MISSING,
        found="not checked: this process has no executor role, and only that one is given write credentials",
        means="nothing can be said about what can be executed",
        do="run `midwatch doctor` with the settings of the executor",
        blind=("whether approved actions can be executed",),
    )


def judge(seen: Readiness) -> Finding:
    """What the survey means. Pure."""
    ready = [action for action in seen.actions if action.ready]
    lacking = [action for action in seen.actions if not action.ready]
    found = [f"can be executed: {listed([a.kind for a in ready], most=12)}" if ready else "nothing can be executed"]
    found += _told(lacking)
    if seen.excess:
        found.append(f"more than any action needs: {listed(seen.excess)}")
    do = [REPAIR] if lacking else []
    if seen.excess:
        do.append("take the rest away")
    return Finding(
        cluster=seen.cluster,
        what=WHAT,
        state=_state(seen, ready=bool(ready), lacking=bool(lacking)),
        found="; ".join(found),
        means=_meaning(seen, ready=len(ready)),
        do="; ".join(do),
        sees=tuple(action.title for action in ready),
        blind=tuple(action.title for action in lacking),
    )


def _told(lacking: Sequence[ActionReadiness]) -> list[str]:
    """Those that lack the same are told together."""
    kinds: dict[tuple[str, ...], list[str]] = {}
    for action in lacking:
        kinds.setdefault(action.missing, []).append(action.kind)
    return [
        f"{', '.join(named)} {'lacks' if len(named) == 1 else 'lack'} {listed(missing)}"
        for missing, named in kinds.items()
    ]


def _state(seen: Readiness, *, ready: bool, lacking: bool) -> State:
    if seen.problem and not ready:
        return State.MISSING if seen.problem == NO_KUBERNETES else State.FAILED
    return State.DEGRADED if lacking or seen.excess else State.OK


def _meaning(seen: Readiness, *, ready: int) -> str:
    if not ready:
        return "Midwatch investigates and proposes; people carry it out"
    share = f"{ready} of {len(seen.actions)} actions can be carried out once they are approved"
    return f"{share}; the executor could do more harm than it has to" if seen.excess else share
