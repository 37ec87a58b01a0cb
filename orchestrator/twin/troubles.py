"""What is wrong with a workload, as its twin plays it: too little memory, a release that fails, too much load. Pure.

Anything else is answered with the reason why nothing is claimed.
"""

from collections.abc import Mapping

from incidents.diagnosis import Hypothesis
from incidents.fact import Fact
from incidents.ids import FactId, FactKind
from incidents.value import Value
from orchestrator.twin.seen import Cpu, Load, Memory, Seen
from worlds.scenario.change import Change
from worlds.scenario.effect import Effect
from worlds.scenario.values import Pair
from worlds.scenario.workload import Behaviour

CLOSE = 0.9
"""Share of a limit from which on nobody knows how much a process would take if it could (as in `memory.at_limit`)."""
FULL = 0.97
"""Share of its capacity at which a process of a world begins to turn requests away."""
TURNED_AWAY = 0.02
"""Share of failing requests, above the usual, from which on a workload counts as full."""
SLOWER = 1.2
"""Times the usual median from which on a release counts as slower."""
GROWN = 1.1
"""Times the usual load from which on load can be the trouble."""
SHORT_OF_MEMORY = frozenset({FactKind("container.oom_killed"), FactKind("memory.at_limit")})
GROWING = frozenset({FactKind("memory.growing")})
RELEASED = frozenset(
    FactKind(f"change.{what}")
    for what in ("deployed", "image_changed", "code", "command_changed", "env_changed", "matches_failure")
)
TOO_BUSY = frozenset(
    FactKind(kind)
    for kind in ("traffic.surge", "change.scaled_down", "change.cpu_limit_lowered", "saturation.cpu_throttled")
)
OLD, NEW = "as-before", "as-now"
"""Tags of the twin's images: what was released is one thing, whatever its real name."""


class NoTwin(Value):
    """Why none can be made."""

    because: str


class Trouble(Value):
    """What is wrong, as the twin plays it."""

    behaviour: Behaviour
    memory: Pair
    cpu: Pair
    rps: float
    """Requests per second before it began."""
    surge: float = 1.0
    """Times as many since."""
    replicas: int
    """Pods before it began."""
    broken_by: Change | None = None
    """What turned the workload as it was into what it is."""
    effect: Effect | None = None
    steady: bool = True
    """Whether it fails alike from moment to moment."""
    assumes: tuple[str, ...] = ()
    not_foreseen: tuple[str, ...] = ()


def trouble_of(seen: Seen, load: Load, hypothesis: Hypothesis, facts: Mapping[FactId, Fact]) -> Trouble | NoTwin:
    """The trouble that the diagnosis explains."""
    cited = {fact for point in hypothesis.speaks_for for fact in point.facts}
    kinds = {facts[fact].kind for fact in cited if fact in facts and facts[fact].entity == hypothesis.entity}
    change = facts.get(hypothesis.change) if hypothesis.change else None
    if kinds & GROWING:
        return NoTwin(because="what it needs grows with time: how long the change helps cannot be played")
    if kinds & SHORT_OF_MEMORY:
        return _short_of_memory(seen, load)
    if change is not None and change.kind in RELEASED and change.entity == hypothesis.entity:
        return _bad_release(seen, load)
    if kinds & TOO_BUSY:
        return _too_busy(seen, load, change if change is not None and change.entity == hypothesis.entity else None)
    return NoTwin(
        because="the diagnosis names neither a lack of memory, a release nor a lack of capacity, "
        "and only these have a twin"
    )


def _short_of_memory(seen: Seen, load: Load) -> Trouble | NoTwin:
    memory = seen.memory
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
        behaviour=_plain(load).model_copy(update={"memory_base": str(round(memory.most))}),
        memory=Pair(request=_at_most(memory), limit=str(round(before))),
        cpu=_present(seen)[0],
        rps=load.rps,
        replicas=seen.workload.replicas.desired,
        broken_by=Change(memory_limit=str(round(memory.limit)), memory_request=_at_most(memory)),
        steady=False,
        assumes=(
            f"each process needs the {memory.most / 2**20:.0f} MiB that it used at most, whatever the load",
            *notes,
        ),
        not_foreseen=unsure,
    )


def _at_most(memory: Memory) -> str:
    return str(round(min(memory.most, memory.limit)))


def _bad_release(seen: Seen, load: Load) -> Trouble | NoTwin:
    slower = load.p50 / load.p50_before if load.p50 and load.p50_before else 1.0
    if load.failing <= load.failing_before and slower < SLOWER:
        why = "its requests neither fail more than before nor take longer, and nothing else of a release can be played"
        return NoTwin(because=why)
    cpu, memory = _present(seen)
    takes = f" and take {slower:.3g} times as long" if slower >= SLOWER else ""
    return Trouble(
        behaviour=_plain(load),
        memory=memory,
        cpu=cpu,
        rps=load.rps,
        replicas=seen.workload.replicas.desired,
        broken_by=Change(tag=NEW),
        effect=Effect(error_rate=min(1.0, max(0.0, load.failing)), latency_factor=slower if slower >= SLOWER else 1.0),
        assumes=(
            f"the release alone makes {load.failing:.1%} of its requests fail{takes}, in every pod that runs it",
            "the release before it works as it did",
        ),
        not_foreseen=(
            "whether data or schemas were changed by the release, so that the one before is slower or fails",
        ),
    )


def _too_busy(seen: Seen, load: Load, change: Fact | None) -> Trouble | NoTwin:
    """Each pod takes so many requests a second and no more: more load, fewer pods or less CPU for each broke it."""
    cpu, pods = seen.cpu, max(1, seen.workload.replicas.ready or seen.workload.replicas.desired)
    usual = load.rps_before or load.rps
    before = max(_pods_before(change) or seen.workload.replicas.desired, 1)
    surge = load.rps / usual if usual and load.rps > usual * GROWN else 1.0
    lowered = cpu is not None and cpu.limit_before is not None
    full = load.failing > load.failing_before + TURNED_AWAY
    capacity = load.rps * (1 - load.failing) / (FULL * pods) if full and not lowered else None
    per_request = cpu.used_before / usual if cpu is not None and cpu.used_before and usual else 0.0
    if capacity is None and not (per_request and cpu is not None and cpu.limit):
        return NoTwin(
            because="how much one of its pods can take is not known: it turns nothing away and has no CPU limit"
        )
    resources, memory = _present(seen)
    before_cpu = Pair(request=resources.request, limit=_cores(cpu.limit_before)) if lowered and cpu else resources
    says = f"each pod serves {capacity:.3g} requests/s and no more" if capacity else "CPU is what its pods are short of"
    return Trouble(
        behaviour=_plain(load).model_copy(update={"cpu_per_request": per_request, "capacity": capacity}),
        memory=memory,
        cpu=before_cpu,
        rps=load.rps / surge,
        surge=surge,
        replicas=before,
        broken_by=_broken(seen, cpu if lowered else None, before=before),
        assumes=(says, "its traffic goes on as it is now, and spreads over all pods that are ready"),
        not_foreseen=("whether what it calls can take the load that it then lets through",),
    )


def _pods_before(change: Fact | None) -> int | None:
    before = change.attributes.get("before") if change and change.kind == "change.scaled_down" else None
    return int(before) if isinstance(before, int | float) and before > 0 else None


def _broken(seen: Seen, lowered: Cpu | None, *, before: int) -> Change | None:
    if lowered is not None and lowered.limit is not None:
        return Change(cpu_limit=_cores(lowered.limit))
    now = seen.workload.replicas.desired
    return Change(replicas=now) if now != before else None


def _plain(load: Load) -> Behaviour:
    """A process that needs next to nothing and answers as it usually did."""
    latency = load.p50_before or load.p50 or 0.03
    return Behaviour(
        memory_base=str(2**24),
        memory_per_rps="0",
        cpu_per_request=0.0,
        idle_cpu="0",
        latency=latency,
        error_rate=min(1.0, load.failing_before),
    )


def _present(seen: Seen) -> tuple[Pair, Pair]:
    """CPU and memory of the first container as they are."""
    spec = seen.workload.template.containers[0].resources
    memory = Pair(request=str(spec.memory_request or ""), limit=str(spec.memory_limit or ""))
    return Pair(request=_cores(spec.cpu_request), limit=_cores(spec.cpu_limit)), memory


def _cores(cores: float | None) -> str:
    return "" if cores is None else f"{round(cores * 1000)}m"
