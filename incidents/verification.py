"""Did it help, did it hurt: checks registered with a proposal, judged from telemetry over a watch window."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from incidents.evidence import Window
from incidents.foresight import PredictionCheck
from incidents.ids import EntityId, EvidenceId
from incidents.value import Value


class CheckRole(StrEnum):
    """What a check decides."""

    SUCCESS = "success"
    """All of these have to hold, for as long as they say, for `verified`."""
    GUARD = "must_not_worsen"
    """One of these that worsens against its baseline undoes the change."""


class Comparison(StrEnum):
    """How a measurement is held against the threshold."""

    AT_MOST = "<="
    AT_LEAST = ">="


class Check(Value):
    """One measurable condition.

    The measure is a named one (`error_rate`, `latency_p99`, `workload_available`, `alert_resolved`, `saturation`) that
    the observability tools resolve to a query for the entity.
    """

    role: CheckRole
    measure: str
    entity: EntityId
    comparison: Comparison
    threshold: float
    unit: str
    """`ratio`, `seconds`, `hours`, `pods`, `alerts`, `usd_per_hour`."""
    hold: timedelta = timedelta(0)
    """How long it has to hold without a break."""
    baseline: float | None = None
    """The value when the proposal was made (during the incident)."""
    healthy: float | None = None
    """The value before the onset, when it could be seen."""
    text: str
    """As the card says it: `5xx < 0.5 % for 5 min`."""
    query: str | None = None
    """Exact query, when the measure has one."""


class Measurement(Value):
    """One value of one check at one time; value None means it could not be read."""

    check: int
    """Index into the proposal's checks."""
    at: datetime
    value: float | None
    evidence: EvidenceId | None = None
    note: str = ""


class Outcome(StrEnum):
    """How every execution ends (invariant 8)."""

    VERIFIED = "verified"
    UNDONE = "undone"
    ESCALATED = "escalated"


class Judgement(StrEnum):
    """What the measurements say now."""

    WAIT = "wait"
    """Not decided: the window is open."""
    HELPED = "helped"
    WORSENED = "worsened"
    """A guard failed: undo."""
    DID_NOT_HELP = "did_not_help"
    """The window closed and success was not reached: undo when the action is reversible and change nothing more."""
    HELPED_IN_PART = "helped_in_part"
    """The window closed, success was not reached, and what is measured went most of the way: keep it, escalate. Undoing
    would bring back the worse of two states."""
    BLIND = "blind"
    """The window closed and what decides could not be read: escalate, never guess."""


class CheckResult(Value):
    """One check at the end, before and after, for the card and the record."""

    check: Check
    before: float | None
    after: float | None
    held: bool | None
    """None when it could not be read."""
    text: str
    """`5xx 7.1 % -> 0.2 %`."""


class Verification(Value):
    """The verdict of one execution."""

    outcome: Outcome
    judgement: Judgement
    results: tuple[CheckResult, ...]
    evidence: tuple[EvidenceId, ...]
    started_at: datetime
    ended_at: datetime
    reason: str
    predicted: PredictionCheck | None = None
    """How the rehearsal's prediction did; None when there was none."""


class Reading(Value):
    """What the measurements say at one moment, check by check."""

    judgement: Judgement
    results: tuple[CheckResult, ...]
    reason: str


GUARD_CONFIRMATIONS = 2
"""Measurements in a row that have to violate a guard: one odd scrape must not undo a good change."""
LOOK_BACK = timedelta(seconds=90)
"""Rates look back over a minute, over scrapes up to half a minute apart. Before that, a restart of a single pod looks
like harm, and is only the restart."""
SILENCE = timedelta(seconds=60)
"""Without a value for longer than this (or a quarter of the hold), nobody can say that it held without a break."""
GRADUAL = frozenset({"ratio", "seconds", "pods"})
"""Units of goals that can be reached in part."""
MOST_OF_THE_WAY = 0.5
"""Share of the way from the baseline to the goal from which a change is kept although the goal was not reached."""
MOST_WAITS = 12
"""Longest holds after the window that a goal which is reached is waited for: an hour, for a hold of five minutes."""
AWAY = 2 * SILENCE
"""Between two measurements further apart than this nobody watched: the process was down, or the machine stood still."""
REDELIVERY = timedelta(minutes=5)
"""What Alertmanager could not deliver meanwhile comes again with its next flush: `group_interval`, by default this."""


def judge(checks: Sequence[Check], measurements: Sequence[Measurement], *, window: Window, now: datetime) -> Reading:
    """Decide from what was measured since `window.start`. Harm decides first, then help, then the end of the window.

    The window closes later when nobody watched for a part of it: a change is not taken back for what was not seen.
    """
    taken = [m for m in sorted(measurements, key=lambda m: m.at) if window.start <= m.at <= now]
    window = _moved(window, taken)
    series = [[m for m in taken if m.check == index] for index in range(len(checks))]
    closed = now >= window.end and not _nearly_there(checks, series, window=window, now=now)
    telling = [[m for m in values if _tells(m, c, window)] for c, values in zip(checks, series, strict=True)]
    held = [_held(check, values, closed=closed) for check, values in zip(checks, telling, strict=True)]
    ways = [_way(check, values) for check, values in zip(checks, series, strict=True)]
    judgement, reason = _decide(checks, held, ways, closed=closed)
    results = tuple(_result(c, values, held=h) for c, values, h in zip(checks, series, held, strict=True))
    return Reading(judgement=judgement, results=results, reason=reason)


def _moved(window: Window, taken: Sequence[Measurement]) -> Window:
    """The window without the time in which nobody watched, and after the last such time as long as alerts may need.

    A process that comes back again and again puts the end off by MOST_WAITS times that, and no longer.
    """
    moments = [window.start, *(m.at for m in taken)]
    silences = [(before, after) for before, after in pairwise(moments) if after - before > AWAY]
    if not silences:
        return window
    end = window.end + sum((after - before - AWAY for before, after in silences), timedelta(0))
    back = silences[-1][1]
    return window.model_copy(update={"end": min(max(end, back + REDELIVERY), end + MOST_WAITS * REDELIVERY)})


def _tells(measurement: Measurement, check: Check, window: Window) -> bool:
    """Whether it speaks of the time after the change. Harm that a rate still sees while it is made does not."""
    if check.role is not CheckRole.GUARD or measurement.at >= window.start + LOOK_BACK:
        return True
    return measurement.value is not None and _satisfied(check, measurement)


def _nearly_there(
    checks: Sequence[Check], series: Sequence[Sequence[Measurement]], *, window: Window, now: datetime
) -> bool:
    """Whether every goal is reached now and only has to hold on: then the window waits once more for the longest hold.

    A measuring process that was killed leaves a silence in the record; a good change must not be undone for that. After
    a silence the wait begins anew, MOST_WAITS times at most.
    """
    goals = [(check, values) for check, values in zip(checks, series, strict=True) if check.role is CheckRole.SUCCESS]
    last = [(check, next((m for m in reversed(values) if m.value is not None), None)) for check, values in goals]
    longest = max((check.hold for check, _ in goals), default=timedelta(0))
    reached = bool(last) and all(m is not None and _satisfied(check, m) for check, m in last)
    if not reached or now >= window.end + MOST_WAITS * longest:
        return False
    since = [_heard_since([m for m in values if m.value is not None], check) for check, values in goals]
    return now < max([window.end, *since]) + longest


def _heard_since(seen: Sequence[Measurement], check: Check) -> datetime:
    """Since when it was measured without a long silence, whatever the values were."""
    since = seen[-1].at
    for measurement in reversed(seen):
        if since - measurement.at > _patience(check):
            break
        since = measurement.at
    return since


def _decide(
    checks: Sequence[Check], held: Sequence[bool | None], ways: Sequence[float | None], *, closed: bool
) -> tuple[Judgement, str]:
    pairs = list(zip(checks, held, strict=True))
    guards = [(check, ok) for check, ok in pairs if check.role is CheckRole.GUARD]
    goals = [(check, ok) for check, ok in pairs if check.role is CheckRole.SUCCESS]
    if worse := [check.text for check, ok in guards if ok is False]:
        return Judgement.WORSENED, f"worsened: {'; '.join(worse)}"
    unseen = [check.text for check, ok in pairs if ok is None]
    if goals and not unseen and all(ok for _, ok in goals):
        return Judgement.HELPED, "every success check held and nothing worsened"
    if not closed:
        return Judgement.WAIT, "the window is open"
    missed = [check.text for check, ok in goals if ok is False]
    if missed and _mostly(checks, held, ways):
        return Judgement.HELPED_IN_PART, f"better, but not reached by the end of the window: {'; '.join(missed)}"
    if missed:
        return Judgement.DID_NOT_HELP, f"not reached by the end of the window: {'; '.join(missed)}"
    return Judgement.BLIND, f"could not be read: {'; '.join(unseen)}" if unseen else "no check says what success is"


def _mostly(checks: Sequence[Check], held: Sequence[bool | None], ways: Sequence[float | None]) -> bool:
    """Whether every goal that is a quantity holds or went most of the way, and one of them really moved.

    Alerts are no quantity: they have delays of their own. A goal that is reached and does not hold is no better: it
    comes and goes. Whether it does is not known of one that was good whenever anybody looked, and nobody looked often.
    """
    rows = zip(checks, held, ways, strict=True)
    goals = [(ok, way) for check, ok, way in rows if check.role is CheckRole.SUCCESS and check.unit in GRADUAL]
    moved = any(way is not None and way >= MOST_OF_THE_WAY for _, way in goals)
    return moved and all(
        ok or (way is not None and way >= MOST_OF_THE_WAY and (way < 1 or ok is None)) for ok, way in goals
    )


def _way(check: Check, values: Sequence[Measurement]) -> float | None:
    """How far the last value went from a baseline that was too bad to the threshold: 0 not at all, 1 there."""
    last = next((m.value for m in reversed(values) if m.value is not None), None)
    if last is None or check.baseline is None or _good(check, check.baseline):
        return None
    return (check.baseline - last) / (check.baseline - check.threshold)


def _held(check: Check, values: Sequence[Measurement], *, closed: bool) -> bool | None:
    """Whether the check holds; None when nobody can say. Before the end, a goal not yet reached is False."""
    if check.role is CheckRole.GUARD:
        return _guarded(check, values, closed=closed)
    seen = [m for m in values if m.value is not None]
    if not seen:
        return None
    if not _satisfied(check, seen[-1]):
        return False
    held = _streak(check, seen)
    if held >= check.hold:
        return True
    # Good for as long as anybody looked, and nobody looked for long: that is not a failure of the change.
    silent = held == seen[-1].at - _heard_since(seen, check)
    return None if closed and silent else False


def _guarded(check: Check, values: Sequence[Measurement], *, closed: bool) -> bool | None:
    seen = [m for m in values if m.value is not None]
    if not seen:
        return None
    last = seen[-1:] if closed else seen[-GUARD_CONFIRMATIONS:]
    violated = len(last) == (1 if closed else GUARD_CONFIRMATIONS) and not any(_satisfied(check, m) for m in last)
    return not violated


def _streak(check: Check, seen: Sequence[Measurement]) -> timedelta:
    """How long it has held until the last value, without a violation and without a long silence."""
    since = last = seen[-1]
    for measurement in reversed(seen):
        if not _satisfied(check, measurement) or since.at - measurement.at > _patience(check):
            break
        since = measurement
    return last.at - since.at


def _patience(check: Check) -> timedelta:
    return max(SILENCE, check.hold / 4)


def _satisfied(check: Check, measurement: Measurement) -> bool:
    assert measurement.value is not None
    return _good(check, measurement.value)


def _good(check: Check, value: float) -> bool:
    return value <= check.threshold if check.comparison is Comparison.AT_MOST else value >= check.threshold


def _result(check: Check, values: Sequence[Measurement], *, held: bool | None) -> CheckResult:
    after = next((m.value for m in reversed(values) if m.value is not None), None)
    figures = f"{figure(check.baseline, check.unit)} -> {figure(after, check.unit)}"
    name, entity = WORDS.get(check.measure, check.measure.replace("_", " ")), check.entity.split("/", 3)[-1]
    return CheckResult(check=check, before=check.baseline, after=after, held=held, text=f"{name} of {entity} {figures}")


WORDS = {
    "workload_available": "available pods",
    "ready_share": "ready pods of those wanted",
    "backlog_hours": "time until the queue is worked off",
    "alert_resolved": "firing alerts",
    "latency_p99": "p99 latency",
}
"""How people say a measure."""
COUNTED = frozenset({"pods", "alerts"})
"""Units that the name of the measure says already."""
PERCENT = 100.0
MILLISECONDS = 1000.0


def figure(value: float | None, unit: str) -> str:
    """`7.1 %`, `240 ms`, `6`; `unknown` without a value."""
    match value, unit:
        case None, _:
            return "unknown"
        case _, "ratio":
            return f"{value * PERCENT:.3g} %"
        case _, "seconds" if value < 1:
            return f"{value * MILLISECONDS:.0f} ms"
        case _, "seconds":
            return f"{value:.3g} s"
        case _, "usd_per_hour":
            return f"{value:.2f} $/h"
        case _:
            return f"{value:.6g}" if unit in COUNTED else f"{value:.6g} {unit}"
