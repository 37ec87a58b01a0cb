"""What counts as fixed and what must not get worse: named measures of the target and its callers, with thresholds.

Thresholds come from what was usual before the onset, with room for noise. A measure that nobody could read of an entity
is not promised for it: a check that cannot be read decides nothing.
"""

from collections.abc import Iterator
from datetime import timedelta

from agents.diagnostician.places import SCOPES, kind_of
from agents.diagnostician.wording import label_of
from agents.planner.evidence import Known
from agents.planner.measures import MEASURES
from agents.planner.quantities import number_of
from agents.wording import duration, percent
from incidents.cause import Cause, Scope
from incidents.ids import EntityId, FactKind
from incidents.topology import Relation
from incidents.value import Value
from incidents.verification import Check, CheckRole, Comparison

HOLD = timedelta(minutes=5)
"""How long a success has to hold: longer than a rate's window, and than a first crash back-off."""
READY_HOLD = timedelta(minutes=1)

BACKLOG_HOURS = 8.0
"""Hours. A backlog that is gone within a shift needs no more help than time."""
QUEUE = FactKind("queue.growing")

ERRORS_ENOUGH = 0.005
"""Ratio. Below half a percent an error rate counts as usual even where it was lower before."""
ERRORS_ROOM = 3.0
"""A usual error rate may triple by chance in five minutes of ordinary traffic."""
ELEVATED = 1.5
"""Times the usual rate from which errors count as elevated: what never rose does not have to be halved."""
ERRORS_UNKNOWN = 0.01
"""Ratio, when nobody knows what was usual."""
LATENCY_ROOM = 1.5
LATENCY_GAIN = 0.6
"""When nobody knows what was usual, latency has to fall below this share of what it is."""
LATENCY_UNKNOWN = 2.0
"""Seconds, until `rebased` puts a measured value in its place."""
SATURATED = 0.9
"""Ratio. Above it there is no room for the next minute's peak."""

GUARD_FACTOR = {"error_rate": 1.5, "latency_p99": 1.3, "saturation": 1.2}
"""A guard bites when a measure exceeds what it was by this factor and by GUARD_ROOM."""
GUARD_ROOM = {"error_rate": 0.01, "latency_p99": 0.05, "saturation": 0.1}
"""In the measure's unit: what noise alone does to small figures."""

MOST_CALLERS = 4
"""Callers that are watched: the nearest ones."""


ALERT_RESOLVED = "alert_resolved"
"""The measure that looks at the alerts of the whole incident."""


class Figures(Value):
    """A measure of an entity as far as it is known."""

    now: float | None = None
    healthy: float | None = None
    readable: bool = False


SHOWN_BY = {
    "error_rate": (FactKind("errors.elevated"), "rate", "baseline"),
    "latency_p99": (FactKind("latency.elevated"), "p99_s", "baseline_s"),
    "saturation": (FactKind("saturation.cpu_throttled"), "ratio", "baseline"),
    "workload_available": (FactKind("workload.unavailable"), "ready", "desired"),
}
"""Measure -> the fact that shows it, and its attributes for now and for usual."""


def figures(measure: str, entity: EntityId, *, known: Known) -> Figures:
    """What facts say of a measure."""
    if measure not in SHOWN_BY:
        return Figures(readable=True)
    kind, now, healthy = SHOWN_BY[measure]
    facts = [fact for fact in known.facts([kind], entity=entity) if fact.entity in known.places.own(entity)]
    if facts:
        values = [number_of(facts[0].attributes.get(name, "")) for name in (now, healthy)]
        return Figures(now=values[0], healthy=values[1], readable=True)
    looked = f"{kind}@{entity}" in known.case.covered or kind in known.case.covered
    return Figures(readable=looked)


def checks(cause: Cause, *, target: EntityId, known: Known) -> tuple[Check, ...]:
    """Success for the target, then guards for the target and its callers."""
    success = [check for measure in cause.success if (check := _success(measure, target, known=known))]
    if not success:
        success = [_alert_resolved(target)]
    guards = [
        check
        for measure in cause.must_not_worsen
        for entity in (target, *known.case.topology.callers(target, transitive=True)[:MOST_CALLERS])
        if (check := _guard(measure, entity, known=known))
    ]
    return (*success, *guards)


def _success(measure: str, target: EntityId, *, known: Known) -> Check | None:
    seen = figures(measure, target, known=known)
    match measure:
        case "alert_resolved":
            return _alert_resolved(target)
        case "workload_available":
            return _available(target, seen, known=known) if kind_of(target) in SCOPES[Scope.WORKLOAD] else None
        case "backlog_hours":
            return _worked_off(target, known=known)
        case "error_rate" | "latency_p99" | "saturation":
            return _settled(measure, target, seen) if seen.readable else None
        case _:
            return None


def _alert_resolved(target: EntityId) -> Check:
    return _check(ALERT_RESOLVED, target, role=CheckRole.SUCCESS, threshold=0.0, text="its alerts are resolved")


def _available(target: EntityId, seen: Figures, *, known: Known) -> Check:
    """So many pods ready; all that it wants, where an autoscaler changes its number or nobody counted them."""
    pods = seen.healthy or _pods(target, known=known)
    if pods is None or known.case.topology.sources(target, Relation.SCALES):
        text = f"all pods that {label_of(target)} wants are ready"
        return _check("ready_share", target, role=CheckRole.SUCCESS, threshold=1.0, text=text, hold=READY_HOLD)
    text = f"{pods:.0f}/{pods:.0f} pods of {label_of(target)} ready"
    figures_ = {"baseline": seen.now, "healthy": seen.healthy}
    return _check(
        "workload_available", target, role=CheckRole.SUCCESS, threshold=pods, text=text, hold=READY_HOLD, **figures_
    )


def _worked_off(target: EntityId, *, known: Known) -> Check | None:
    """A long queue drains for hours after the repair, and its alert fires meanwhile: that it shrinks is the success."""
    if not any(fact.entity in known.places.own(target) for fact in known.facts([QUEUE], entity=target)):
        return None
    text = f"the queue of {label_of(target)} shrinks: worked off within {BACKLOG_HOURS:.0f} h at its pace"
    return _check("backlog_hours", target, role=CheckRole.SUCCESS, threshold=BACKLOG_HOURS, text=text, hold=HOLD)


COUNTED = (
    ("workload.surging", "desired"),
    ("workload.rollout_stuck", "desired"),
    ("container.oom_killed", "total_pods"),
    ("container.crash_loop", "total_pods"),
)
"""Facts that say how many pods a workload has, what it wants before what there is: a rollout has more than it wants."""


def _pods(target: EntityId, *, known: Known) -> float | None:
    """How many pods it should have, from the facts about it that count them; None when nobody counted."""
    for kind, count in COUNTED:
        facts = (
            fact for fact in known.facts([FactKind(kind)], entity=target) if fact.entity in known.places.own(target)
        )
        if number := next((n for fact in facts if (n := number_of(fact.attributes.get(count, "")))), None):
            return number
    return None


def _settled(measure: str, target: EntityId, seen: Figures) -> Check:
    threshold = success_threshold(measure, now=seen.now, healthy=seen.healthy)
    text = (
        f"{_name(measure)} of {label_of(target)} below {_said(measure, threshold)} for {duration(HOLD.total_seconds())}"
    )
    return _check(
        measure,
        target,
        role=CheckRole.SUCCESS,
        threshold=threshold,
        text=text,
        hold=HOLD,
        baseline=seen.now,
        healthy=seen.healthy,
    )


def success_threshold(measure: str, *, now: float | None, healthy: float | None) -> float:
    """Where a measure counts as settled, in its unit."""
    match measure:
        case "error_rate":
            usual = ERRORS_UNKNOWN if healthy is None else max(ERRORS_ROOM * healthy, ERRORS_ENOUGH)
            elevated = now is not None and now > max(ERRORS_ENOUGH, ELEVATED * (healthy or 0.0))
            return min(usual, now / 2) if now and elevated else usual
        case "latency_p99":
            if healthy is not None:
                return max(LATENCY_ROOM * healthy, healthy + GUARD_ROOM["latency_p99"])
            return LATENCY_UNKNOWN if now is None else LATENCY_GAIN * now
        case _:
            return SATURATED


def _guard(measure: str, entity: EntityId, *, known: Known) -> Check | None:
    if measure not in GUARD_FACTOR:
        return None
    seen = figures(measure, entity, known=known)
    if not seen.readable:
        return None
    threshold = guard_threshold(measure, now=seen.now, healthy=seen.healthy)
    return _check(
        measure,
        entity,
        role=CheckRole.GUARD,
        threshold=threshold,
        text=_guard_text(measure, entity, threshold),
        baseline=seen.now,
        healthy=seen.healthy,
    )


def guard_threshold(measure: str, *, now: float | None, healthy: float | None) -> float:
    """Where a measure has got worse, in its unit: beyond what it is now (or usually is), its noise left aside."""
    values = [value for value in (now, healthy) if value is not None]
    if not values:
        return {"error_rate": 0.02, "latency_p99": LATENCY_UNKNOWN}.get(measure, 1.0)
    worst = max(values)
    return max(worst * GUARD_FACTOR[measure], worst + GUARD_ROOM[measure])


def _guard_text(measure: str, entity: EntityId, threshold: float) -> str:
    return f"{_name(measure)} of {label_of(entity)} not above {_said(measure, threshold)}"


def rebased(check: Check, *, baseline: float | None, healthy: float | None = None) -> Check:
    """The check with measured figures: a guard's threshold moves with them, a success threshold tightens with them.

    Called when the measures were really read, right before a proposal is made.
    """
    usual = healthy if healthy is not None else check.healthy
    if check.measure not in GUARD_FACTOR or (baseline is None and usual is None):
        return check.model_copy(update={"baseline": baseline, "healthy": usual})
    if check.role is CheckRole.GUARD:
        threshold = guard_threshold(check.measure, now=baseline, healthy=usual)
        text = _guard_text(check.measure, check.entity, threshold)
    else:
        threshold = success_threshold(check.measure, now=baseline, healthy=usual)
        held = duration(check.hold.total_seconds())
        said = _said(check.measure, threshold)
        text = f"{_name(check.measure)} of {label_of(check.entity)} below {said} for {held}"
    update = {"baseline": baseline, "healthy": usual, "threshold": round(threshold, 6), "text": text}
    return check.model_copy(update=update)


def _check(
    measure: str,
    entity: EntityId,
    *,
    role: CheckRole,
    threshold: float,
    text: str,
    hold: timedelta = timedelta(0),
    baseline: float | None = None,
    healthy: float | None = None,
) -> Check:
    known = MEASURES[measure]
    return Check(
        role=role,
        measure=measure,
        entity=entity,
        comparison=Comparison.AT_MOST if role is CheckRole.GUARD else known.comparison,
        threshold=round(threshold, 6),
        unit=known.unit,
        hold=hold,
        baseline=baseline,
        healthy=healthy,
        text=text,
    )


def watched(all_checks: tuple[Check, ...]) -> Iterator[EntityId]:
    """Entities whose telemetry decides, each once."""
    yield from dict.fromkeys(check.entity for check in all_checks)


def _name(measure: str) -> str:
    return {"error_rate": "5xx", "latency_p99": "p99", "saturation": "saturation"}[measure]


def _said(measure: str, value: float) -> str:
    if measure == "latency_p99":
        return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
    return percent(value)
