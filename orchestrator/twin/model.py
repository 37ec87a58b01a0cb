"""Makes a twin's scenario: the workload as it was seen, what the diagnosis says is wrong with it, and the change. Pure.

Two kinds of trouble have a twin so far: a process that needs more memory than it may use, and a release that fails.
Anything else is answered with the reason why nothing is claimed.
"""

import re
from collections.abc import Mapping, Sequence

from incidents.action import FieldChange
from incidents.diagnosis import Hypothesis
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact
from incidents.ids import FactId, FactKind
from incidents.value import Value
from orchestrator.twin.seen import Load, Memory, Seen
from worlds.faults.manual_edit import ManualEdit
from worlds.scenario.change import Change
from worlds.scenario.effect import Effect
from worlds.scenario.estate import Estate, NodePool
from worlds.scenario.scenario import Scenario, Truth
from worlds.scenario.values import Pair
from worlds.scenario.workload import Behaviour, Probe, Rollout, Traffic, Workload, WorkloadKind

TROUBLE_SECONDS = 300.0
"""How long the twin lives with its trouble before the change: a rollout can stall, and pods can back off."""
CHANGED_AFTER = 5.0
"""When the change is made, in seconds from the twin's now."""
CLOSE = 0.9
"""Share of a limit from which on nobody knows how much a process would take if it could (as in `memory.at_limit`)."""
MOST_REPLICAS = 60
"""Pods that a twin may have; a larger workload takes longer than anybody waits for a card."""
KINDS = {EntityKind.DEPLOYMENT: WorkloadKind.DEPLOYMENT, EntityKind.STATEFULSET: WorkloadKind.STATEFULSET}
SHORT_OF_MEMORY = frozenset({FactKind("container.oom_killed"), FactKind("memory.at_limit")})
RELEASED = frozenset(
    FactKind(f"change.{what}") for what in ("deployed", "image_changed", "code", "command_changed", "env_changed")
)
OLD, NEW = "as-before", "as-now"
"""Tags of the twin's images: what was released is one thing, whatever its real name."""
_CONTAINER = re.compile(r"^spec\.template\.spec\.containers\[(?P<name>[^\]]+)\]\.(?P<field>.+)$")
_NOISE = ("metadata.annotations", "spec.template.metadata", "metadata.generation")
"""Fields whose change has no effect of its own but to replace pods."""


class Twin(Value):
    """A scenario with the change in it, and what it rests on."""

    scenario: Scenario
    key: str
    """`namespace/name` of the workload."""
    replicas: int
    """Pods that it wants after the change."""
    failing: float
    """Share of requests that really fail now."""
    usual_failing: float
    built_from: tuple[str, ...]
    assumes: tuple[str, ...]
    not_foreseen: tuple[str, ...]


class NoTwin(Value):
    """Why none can be made."""

    because: str


class Trouble(Value):
    """What is wrong, as the twin plays it."""

    behaviour: Behaviour
    memory: Pair
    broken_by: Change
    """What turned the workload as it was into what it is."""
    effect: Effect | None = None
    assumes: tuple[str, ...] = ()
    not_foreseen: tuple[str, ...] = ()


def twin_of(
    seen: Seen, hypothesis: Hypothesis, facts: Mapping[FactId, Fact], diff: Sequence[FieldChange]
) -> Twin | NoTwin:
    """The twin of a workload in which the difference is applied."""
    workload = seen.workload
    kind = KINDS.get(workload.kind)
    if kind is None or not 0 < workload.replicas.desired <= MOST_REPLICAS:
        return NoTwin(because=f"no twin is made of {workload.kind}s of {workload.replicas.desired} pods")
    if seen.load is None:
        return NoTwin(because="its requests are not measured, so there is nothing to play against")
    trouble = _trouble(seen, seen.load, hypothesis, facts)
    if isinstance(trouble, NoTwin):
        return trouble
    change = _change(diff, trouble, container=seen.memory.container if seen.memory else "")
    if isinstance(change, NoTwin):
        return change
    return _built(seen, seen.load, trouble, change, kind=kind)


def _trouble(seen: Seen, load: Load, hypothesis: Hypothesis, facts: Mapping[FactId, Fact]) -> Trouble | NoTwin:
    cited = {fact for point in hypothesis.speaks_for for fact in point.facts}
    kinds = {facts[fact].kind for fact in cited if fact in facts and facts[fact].entity == hypothesis.entity}
    if kinds & SHORT_OF_MEMORY:
        return _short_of_memory(seen.memory)
    change = facts.get(hypothesis.change) if hypothesis.change else None
    if change is not None and change.kind in RELEASED and change.entity == hypothesis.entity:
        return _bad_release(seen, load)
    return NoTwin(because="the diagnosis names neither a lack of memory nor a release, and only these have a twin")


def _short_of_memory(memory: Memory | None) -> Trouble | NoTwin:
    if memory is None:
        return NoTwin(because="how much memory it uses is not measured")
    if memory.most <= memory.limit:
        return NoTwin(because="how much memory it needs is not known: it was never seen with more than its limit")
    before = max(memory.limit_before or 0.0, memory.most * 1.1)
    notes = ["its traffic goes on as it is now"]
    if memory.limit_before is None:
        notes.append("it ran well when it might use more")
    unsure: tuple[str, ...] = ()
    if memory.limit_before and memory.most >= CLOSE * memory.limit_before:
        unsure = ("whether it would take still more: it was close to its limit before, too",)
    return Trouble(
        behaviour=Behaviour(memory_base=str(round(memory.most)), memory_per_rps="0"),
        memory=Pair(request=str(round(min(memory.most, memory.limit))), limit=str(round(before))),
        broken_by=Change(memory_limit=str(round(memory.limit)), memory_request=_at_most(memory)),
        assumes=(
            f"each process needs the {memory.most / 2**20:.0f} MiB that it used at most, whatever the load",
            *notes,
        ),
        not_foreseen=unsure,
    )


def _at_most(memory: Memory) -> str:
    return str(round(min(memory.most, memory.limit)))


def _bad_release(seen: Seen, load: Load) -> Trouble | NoTwin:
    if load.failing <= load.failing_before:
        return NoTwin(because="its requests do not fail more than before, and nothing else of a release can be played")
    spec = seen.workload.template.containers[0].resources
    limit, request = spec.memory_limit, spec.memory_request
    return Trouble(
        behaviour=Behaviour(memory_base=str(round((limit or 2**30) / 2)), memory_per_rps="0"),
        memory=Pair(request=str(request or ""), limit=str(limit or "")),
        broken_by=Change(tag=NEW),
        effect=Effect(error_rate=min(1.0, load.failing)),
        assumes=(
            f"the release alone makes {load.failing:.1%} of its requests fail, in every pod that runs it",
            "the release before it works as it did",
        ),
        not_foreseen=("whether data or schemas were changed by the release",),
    )


def _change(diff: Sequence[FieldChange], trouble: Trouble, *, container: str) -> Change | NoTwin:
    """The difference in the twin's words. What it does not know is a reason to claim nothing."""
    fields: dict[str, object] = {}
    strange: list[str] = []
    for one in diff:
        if one.path.startswith(_NOISE):
            fields.setdefault("patch", {"Deployment": {}})
        elif one.path == "spec.replicas" and one.after is not None:
            fields["replicas"] = int(one.after)
        elif not _of_container(one, fields, trouble, container=container):
            strange.append(one.path)
    if strange:
        return NoTwin(because=f"the twin does not know {strange[0]}")
    fields.pop("patch", None)
    return Change.model_validate(fields)


def _of_container(one: FieldChange, fields: dict[str, object], trouble: Trouble, *, container: str) -> bool:
    found = _CONTAINER.match(one.path)
    if found is None or one.after is None:
        return False
    match found["field"].split("."):
        case ["image"]:
            fields["tag"] = OLD if trouble.effect is not None else NEW
        case ["env", *_]:
            pass  # what it says to the process is known to the diagnosis at most
        case ["resources", "limits" | "requests" as side, "memory" | "cpu" as what] if found["name"] == container or (
            not container
        ):
            fields[f"{what}_{side.removesuffix('s')}"] = one.after
        case _:
            return False
    return True


def _built(seen: Seen, load: Load, trouble: Trouble, change: Change, *, kind: WorkloadKind) -> Twin:
    workload = seen.workload
    entity = Entity.parse(workload.meta.entity)
    replicas, spec = workload.replicas.desired, workload.template.containers[0]
    ready = spec.readiness
    made = Workload(
        name=entity.name,
        namespace=entity.namespace or "default",
        kind=kind,
        replicas=replicas,
        tag=OLD,
        cpu=Pair(request=_cores(spec.resources.cpu_request), limit=_cores(spec.resources.cpu_limit)),
        memory=trouble.memory,
        readiness=Probe(delay=float(ready.initial_delay_s), period=float(ready.period_s)) if ready else None,
        liveness=None,
        rollout=Rollout(
            strategy="Recreate" if workload.strategy.type == "Recreate" else "RollingUpdate",
            max_surge=workload.strategy.max_surge or "25%",
            max_unavailable=workload.strategy.max_unavailable or "25%",
            min_ready=float(workload.strategy.min_ready_s),
        ),
        traffic=Traffic(rps=round(load.rps, 3), daily_swing=0.0, noise=0.0),
        behaviour=trouble.behaviour.model_copy(
            update={"cpu_per_request": 0.0, "error_rate": min(1.0, load.failing_before)}
        ),
        gitops=False,
    )
    broken = ManualEdit(at=-TROUBLE_SECONDS, workload=made.key, change=trouble.broken_by, effect=trouble.effect)
    tried = ManualEdit(at=CHANGED_AFTER, workload=made.key, change=change, manager="midwatch")
    size = max(3, (max(replicas, change.replicas or 0) + 9) // 10)
    scenario = Scenario(
        name="twin",
        title=f"Twin of {made.key}",
        history=TROUBLE_SECONDS + 300.0,
        estate=Estate(
            cluster=entity.cluster,
            nodes=(NodePool(name="twin", count=size, cpu="64", memory="256Gi"),),
            workloads=(made,),
        ),
        faults=(broken, tried),
        truth=Truth(inconclusive=True),
    )
    return Twin(
        scenario=scenario,
        key=made.key,
        replicas=change.replicas if change.replicas is not None else replicas,
        failing=load.failing,
        usual_failing=load.failing_before,
        built_from=(
            f"{replicas} pods, their template and rollout strategy",
            f"{load.rps:.3g} requests/s, of which {load.failing:.1%} fail ({load.failing_before:.1%} before)",
        ),
        assumes=(*trouble.assumes, "there is room for its pods, and their images can be pulled"),
        not_foreseen=(*trouble.not_foreseen, "what its callers, its dependencies and its latency do"),
    )


def _cores(cores: float | None) -> str:
    return "" if cores is None else f"{round(cores * 1000)}m"
