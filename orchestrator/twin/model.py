"""Makes a twin's scenario: the workload as it was seen, what is wrong with it, and the change. Pure."""

import re
from collections.abc import Mapping, Sequence

from incidents.action import FieldChange
from incidents.diagnosis import Hypothesis
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact
from incidents.ids import FactId
from incidents.value import Value
from orchestrator.twin.seen import Load, Seen, Startup
from orchestrator.twin.troubles import NEW, OLD, NoTwin, Trouble, trouble_of
from tools.kubernetes.container import ProbeSpec
from worlds.faults.fault import Fault
from worlds.faults.manual_edit import ManualEdit
from worlds.faults.traffic_surge import TrafficSurge
from worlds.scenario.change import Change
from worlds.scenario.estate import Estate, NodePool
from worlds.scenario.scenario import Scenario, Truth
from worlds.scenario.workload import Probe, Rollout, Traffic, Workload, WorkloadKind

TROUBLE_SECONDS = 300.0
"""How long the twin lives with its trouble before the change: a rollout can stall, and pods can back off."""
CHANGED_AFTER = 5.0
"""When the change is made, in seconds from the twin's now."""
MOST_REPLICAS = 60
"""Pods that a twin may have; a larger workload takes longer than anybody waits for a card."""
KINDS = {EntityKind.DEPLOYMENT: WorkloadKind.DEPLOYMENT, EntityKind.STATEFULSET: WorkloadKind.STATEFULSET}
_CONTAINER = re.compile(r"^spec\.template\.spec\.containers\[(?P<name>[^\]]+)\]\.(?P<field>.+)$")
RELEASED_WITH = ("image", "env", "command", "args")
"""Fields of a container that a release brings along, and that going back from it takes back."""
_NOISE = ("metadata.annotations", "spec.template.metadata", "metadata.generation")
"""Fields whose change has no effect of its own but to replace pods."""


class Twin(Value):
    """A scenario with the change in it, and what it rests on."""

    scenario: Scenario
    key: str
    """`namespace/name` of the workload."""
    replicas: int
    """Pods that it wants after the change."""
    load: Load
    startup: Startup | None = None
    steady: bool
    """Whether it fails alike from moment to moment, as what does not die and come back."""
    built_from: tuple[str, ...]
    assumes: tuple[str, ...]
    not_foreseen: tuple[str, ...]


def twin_of(
    seen: Seen,
    hypothesis: Hypothesis,
    facts: Mapping[FactId, Fact],
    diff: Sequence[FieldChange],
    *,
    most: int | None = None,
) -> Twin | NoTwin:
    """The twin of a workload in which the difference is applied. `most`: pods that can come up at all."""
    workload = seen.workload
    kind = KINDS.get(workload.kind)
    if kind is None or not 0 < workload.replicas.desired <= MOST_REPLICAS:
        return NoTwin(because=f"no twin is made of {workload.kind}s of {workload.replicas.desired} pods")
    if seen.load is None:
        return NoTwin(because="its requests are not measured, so there is nothing to play against")
    trouble = trouble_of(seen, seen.load, hypothesis, facts)
    if isinstance(trouble, NoTwin):
        return trouble
    change = _change(diff, trouble, container=seen.memory.container if seen.memory else "")
    if isinstance(change, NoTwin):
        return change
    if change.replicas is not None and most is not None and most < change.replicas:
        change = change.model_copy(update={"replicas": max(most, 1)})
    if (change.replicas or 0) > MOST_REPLICAS:
        return NoTwin(because=f"no twin is made of {change.replicas} pods")
    return _built(seen, seen.load, trouble, change, kind=kind)


def _change(diff: Sequence[FieldChange], trouble: Trouble, *, container: str) -> Change | NoTwin:
    """The difference in the twin's words. What it does not know is a reason to claim nothing."""
    fields: dict[str, object] = {}
    strange: list[str] = []
    for one in diff:
        if one.path.startswith(_NOISE):
            continue
        if one.path == "spec.replicas" and one.after is not None:
            fields["replicas"] = int(one.after)
        elif not _of_container(one, fields, trouble, container=container):
            strange.append(one.path)
    if strange:
        return NoTwin(because=f"the twin does not know {strange[0]}")
    return Change.model_validate(fields)


def _of_container(one: FieldChange, fields: dict[str, object], trouble: Trouble, *, container: str) -> bool:
    found = _CONTAINER.match(one.path)
    if found is None:
        return False
    match found["field"].split("."):
        case [field, *_] if field.startswith(RELEASED_WITH):
            # What it says to the process is known to the diagnosis at most: the release as a whole is gone back from.
            fields["tag"] = OLD if trouble.effect is not None else NEW
        case ["resources", "limits" | "requests" as side, "memory" | "cpu" as what] if one.after is not None and (
            not container or found["name"] == container
        ):
            fields[f"{what}_{side.removesuffix('s')}"] = one.after
        case _:
            return False
    return True


def _built(seen: Seen, load: Load, trouble: Trouble, change: Change, *, kind: WorkloadKind) -> Twin:
    made = _workload(seen, trouble, kind=kind)
    pods = max(made.replicas, seen.workload.replicas.desired, change.replicas or 0)
    scenario = Scenario(
        name="twin",
        title=f"Twin of {made.key}",
        history=TROUBLE_SECONDS + 300.0,
        estate=Estate(
            cluster=Entity.parse(seen.workload.meta.entity).cluster,
            nodes=(NodePool(name="twin", count=max(3, (pods + 9) // 10), cpu="64", memory="256Gi"),),
            workloads=(made,),
        ),
        faults=(
            *_begins(made.key, trouble),
            ManualEdit(at=CHANGED_AFTER, workload=made.key, change=change, manager="midwatch"),
        ),
        truth=Truth(inconclusive=True),
    )
    replicas = seen.workload.replicas.desired
    return Twin(
        scenario=scenario,
        key=made.key,
        replicas=change.replicas if change.replicas is not None else replicas,
        load=load,
        startup=seen.startup,
        steady=trouble.steady,
        built_from=(
            f"{replicas} pods, their template and rollout strategy",
            f"{load.rps:.3g} requests/s, of which {load.failing:.1%} fail ({load.failing_before:.1%} before)",
            *_started(seen.startup),
        ),
        assumes=(*trouble.assumes, "its images can be pulled"),
        not_foreseen=(*trouble.not_foreseen, "what its callers and its dependencies do"),
    )


def _begins(key: str, trouble: Trouble) -> tuple[Fault, ...]:
    """What turned it into what it is, so long before that what it leads to has come about."""
    begun: list[Fault] = []
    if trouble.broken_by is not None:
        begun.append(ManualEdit(at=-TROUBLE_SECONDS, workload=key, change=trouble.broken_by, effect=trouble.effect))
    if trouble.surge != 1.0:
        begun.append(TrafficSurge(at=-TROUBLE_SECONDS, workload=key, factor=trouble.surge, ramp=30.0))
    return tuple(begun)


def _workload(seen: Seen, trouble: Trouble, *, kind: WorkloadKind) -> Workload:
    workload, spec = seen.workload, seen.workload.template.containers[0]
    entity, ready = Entity.parse(workload.meta.entity), spec.readiness
    startup = {"startup": round(seen.startup.usual, 1)} if seen.startup else {}
    return Workload(
        name=entity.name,
        namespace=entity.namespace or "default",
        kind=kind,
        replicas=trouble.replicas,
        tag=OLD,
        cpu=trouble.cpu,
        memory=trouble.memory,
        readiness=_readiness(ready, seen.startup),
        liveness=None,
        rollout=Rollout(
            strategy="Recreate" if workload.strategy.type == "Recreate" else "RollingUpdate",
            max_surge=workload.strategy.max_surge or "25%",
            max_unavailable=workload.strategy.max_unavailable or "25%",
            min_ready=float(workload.strategy.min_ready_s),
        ),
        traffic=Traffic(rps=round(trouble.rps, 3), daily_swing=0.0, noise=0.0),
        behaviour=trouble.behaviour.model_copy(update=startup),
        gitops=False,
    )


def _readiness(probe: ProbeSpec | None, startup: Startup | None) -> Probe | None:
    """What pods really took until they were ready has the probe's delay in it already."""
    if startup is not None:
        return Probe(delay=0.0, period=1.0)
    return Probe(delay=float(probe.initial_delay_s), period=float(probe.period_s)) if probe else None


def _started(startup: Startup | None) -> tuple[str, ...]:
    if startup is None:
        return ()
    return (f"its pods took {startup.least:.0f} to {startup.most:.0f} s until they were ready",)
