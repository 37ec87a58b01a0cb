"""Whether the namespace's quota lets the pods be made. Pure.

A quota is counted when a pod is created: what does not fit is refused (`FailedCreate`), and the workload stays smaller.
"""

import math
from collections.abc import Iterator

from incidents.prediction import Foreseen, Obstacle
from orchestrator.twin.obstacles.looked import Looked
from orchestrator.twin.obstacles.room import PLACED
from orchestrator.twin.trial import Need, Trial
from tools.kubernetes.quota import Quota, QuotaLine


def look(trial: Trial) -> Looked:
    """The tightest line of all quotas, in pods."""
    adds = trial.wanted - trial.replicas
    if trial.workload is None or trial.kind not in PLACED or (adds <= 0 and not trial.replaces_pods):
        return Looked()
    if trial.around.quotas is None:
        return Looked(not_foreseen=("whether a quota of its namespace stands against it: quotas were not seen",))
    limits = [limit for quota in trial.around.quotas for limit in _limits(quota, trial)]
    unsure = tuple(
        f"whether quota {q.meta.name} counts its pods: it has scopes" for q in trial.around.quotas if q.scopes
    )
    evidence = (trial.around.evidence["quotas"],)
    if not limits:
        return Looked(not_foreseen=unsure, evidence=evidence if unsure else ())
    pods, why = min(limits)
    allowed = Foreseen(
        measure="pods that quotas allow",
        unit="pods",
        before=float(trial.replicas),
        after=float(min(pods, trial.wanted)),
        low=float(min(pods, trial.wanted)),
        high=float(min(pods, trial.wanted)),
    )
    if pods >= trial.wanted:
        text = f"its namespace's quota allows {pods} such pods"
        figures = (allowed,) if adds > 0 else ()
        return Looked(figures=figures, built_from=(text,), not_foreseen=unsure, evidence=evidence)
    text = f"{trial.wanted - pods} of {trial.wanted} pods would not be created: {why}"
    found = Obstacle(what="quota", text=text, most=pods)
    return Looked(obstacles=(found,), figures=(allowed,), not_foreseen=unsure, evidence=evidence)


def _limits(quota: Quota, trial: Trial) -> Iterator[tuple[int, str]]:
    """Pods that each line allows after the change, with the line in words."""
    if quota.scopes or trial.workload is None:
        return
    there = trial.workload.replicas.current or trial.replicas
    for line in quota.lines:
        now, then = _share(line, trial.needs_now), _share(line, trial.needs_then)
        if then <= 0:
            continue
        if trial.replaces_pods and now == then and trial.wanted <= there:
            continue  # as many as before, and as large: a rollout takes places one by one
        free = line.hard - line.used + there * now
        pods = max(0, math.floor(round(free / then, 6)))
        yield pods, f"quota {quota.meta.name} has {line.used_text} of {line.hard_text} {line.resource} in use"


def _share(line: QuotaLine, need: Need) -> float:
    match line.resource:
        case "pods" | "count/pods":
            return 1.0
        case "cpu" | "requests.cpu":
            return need.cpu_request
        case "memory" | "requests.memory":
            return need.memory_request
        case "limits.cpu":
            return need.cpu_limit
        case "limits.memory":
            return need.memory_limit
        case _:
            return 0.0
