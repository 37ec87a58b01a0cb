"""What a change is expected to do, found by trying it in a twin; what was not foreseen; whether it came so. Pure.

The twin is a small stand-in of the workload, made of what was seen (`orchestrator/twin`). It knows the fault only as
the diagnosis explains it. A prediction therefore says what follows from the diagnosis, not that the diagnosis is right.
"""

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from incidents.foresight import UNHELPFUL, FigureCheck, Outlook, PredictionCheck
from incidents.ids import EvidenceId
from incidents.value import Value
from incidents.verification import WORDS, Check, CheckRole, Comparison, Measurement, Outcome, figure


def _none(value: object) -> bool:
    return value is None or value == ()


class Foreseen(Value):
    """One figure of the rehearsal, right before the change and at the end."""

    measure: str
    unit: str
    before: float
    after: float
    low: float | None = Field(default=None, exclude_if=_none)
    """With `high` the range in which `after` is expected; None where the rehearsal says nothing about it."""
    high: float | None = Field(default=None, exclude_if=_none)

    @property
    def text(self) -> str:
        """`latency_p99 2.47 -> 1.62 seconds (1.3 to 1.97)`."""
        range_ = f" ({self.low:.3g} to {self.high:.3g})" if self.low is not None and self.high is not None else ""
        return f"{self.measure} {self.before:.3g} -> {self.after:.3g} {self.unit}{range_}"

    def holds(self, real: float) -> bool | None:
        """Whether what was really measured lies in the range; None without one."""
        return None if self.low is None or self.high is None else self.low <= real <= self.high


class Obstacle(Value):
    """What a rehearsal found in the way of a change: it would not come about, or it would hurt."""

    what: str
    """`room`, `quota`, `connections`, `missing`, `image`, `autoscaler`, `budget`."""
    text: str
    """`3 of 13 pods would find no place: the 5 nodes that they may use have room for 10`."""
    harms: bool = False
    """Whether it makes things worse; otherwise the change, or a part of it, does not come about."""
    most: int | None = Field(default=None, exclude_if=_none)
    """Pods up to which it is not in the way, where it is a matter of their number."""


class Prediction(Value):
    """The result of a rehearsal in a twin."""

    outlook: Outlook
    seconds: float | None = Field(default=None, ge=0)
    """From the change until it has recovered for good."""
    figures: tuple[Foreseen, ...] = ()
    built_from: tuple[str, ...] = ()
    """What was seen that the twin is made of."""
    assumes: tuple[str, ...] = ()
    """What was taken for granted."""
    not_foreseen: tuple[str, ...] = ()
    """What it cannot tell, each with the reason."""
    obstacles: tuple[Obstacle, ...] = Field(default=(), exclude_if=_none)
    evidence: tuple[EvidenceId, ...] = Field(default=(), exclude_if=_none)
    """The observations that it was made of."""
    clone: str = Field(default="", exclude_if=lambda text: not text)
    """`tried on a clone: ready after 14 s`; empty where none was tried. A clone has no traffic, network or secrets."""

    @property
    def speaks_against(self) -> bool:
        """Whether nobody should be asked to approve it: it hurts, or nothing of what is wrong gets much better."""
        if self.outlook not in UNHELPFUL:
            return False
        return self.outlook is Outlook.WORSENS or not any(_better(figure) for figure in self.figures)

    @property
    def summary(self) -> str:
        """`the twin recovers in 50 s`, `the twin gets worse: ...`, or why nothing is claimed."""
        found = "; ".join(obstacle.text for obstacle in self.obstacles)
        return f"{self._told}: {found}" if found else self._told

    @property
    def _played(self) -> bool:
        return not self.obstacles or any(figure.measure in BAD for figure in self.figures)

    @property
    def _told(self) -> str:
        match self.outlook:
            case Outlook.RECOVERS:
                return f"the twin recovers in {self.seconds or 0:.0f} s"
            case Outlook.STAYS_BROKEN:
                return "the twin does not recover" if self._played else "it would not come about"
            case Outlook.WORSENS:
                return "the twin gets worse" if self._played else "it would hurt"
            case Outlook.NOT_FORESEEN:
                return f"not foreseen: {self.not_foreseen[0] if self.not_foreseen else 'no twin was made'}"


MUCH = 0.5
"""Share of a figure that has to go for the change to count as a help although it does not repair everything."""
BAD = frozenset({"error_rate", "latency_p99"})
"""Measures of which less is better."""


def _better(figure: Foreseen) -> bool:
    return figure.measure in BAD and figure.before > 0 and figure.after <= figure.before * MUCH


def nothing(*why: str) -> Prediction:
    """A prediction that claims nothing."""
    return Prediction(outlook=Outlook.NOT_FORESEEN, not_foreseen=why)


def held_against(
    prediction: Prediction,
    outcome: Outcome,
    *,
    checks: Sequence[Check],
    measured: Sequence[Measurement],
    since: datetime,
) -> PredictionCheck:
    """Whether it came as foreseen. Undone counts as not recovered; escalated says nothing either way."""
    real = recovered_after(checks, measured, since=since) if outcome is Outcome.VERIFIED else None
    helped = {Outcome.VERIFIED: True, Outcome.UNDONE: False}.get(outcome)
    claimed = None if prediction.outlook is Outlook.NOT_FORESEEN else prediction.outlook is Outlook.RECOVERS
    right = None if helped is None or claimed is None else helped is claimed
    happened = (
        {True: "it recovered", False: "it did not"}.get(helped or False) if helped is not None else "nobody knows"
    )
    after = f" in {real:.0f} s" if real is not None else ""
    figures = _came(prediction, checks, measured) if outcome is Outcome.VERIFIED else ()
    told = "".join(f"; {_told(one)}" for one in figures)
    return PredictionCheck(
        outlook=prediction.outlook,
        right=right,
        foreseen_seconds=prediction.seconds,
        real_seconds=real,
        figures=figures,
        text=f"foreseen: {prediction.summary}; really: {happened}{after}{told}",
    )


def _told(check: FigureCheck) -> str:
    """`p99 latency 1.71 s, foreseen 1.3 s to 1.97 s`."""
    low, high = figure(check.low or 0, check.unit), figure(check.high or 0, check.unit)
    foreseen = low if low == high else f"{low} to {high}"
    name = WORDS.get(check.measure, check.measure.replace("_", " "))
    return f"{name} {figure(check.real, check.unit)}, foreseen {foreseen}"


def _came(prediction: Prediction, checks: Sequence[Check], measured: Sequence[Measurement]) -> tuple[FigureCheck, ...]:
    """Each figure with a range, held against the last value that was measured of it at the target."""
    found = []
    for one in prediction.figures:
        index = next((at for at, check in enumerate(checks) if check.measure == one.measure), None)
        taken = sorted((m for m in measured if m.check == index and m.value is not None), key=lambda m: m.at)
        real = taken[-1].value if taken else None
        if real is None or (within := one.holds(real)) is None:
            continue
        found.append(
            FigureCheck(measure=one.measure, unit=one.unit, low=one.low, high=one.high, real=real, within=within)
        )
    return tuple(found)


def recovered_after(checks: Sequence[Check], measured: Sequence[Measurement], *, since: datetime) -> float | None:
    """Seconds from `since` until every success check held, to the last measurement; None when that never came."""
    ends = []
    for index, check in enumerate(checks):
        if check.role is not CheckRole.SUCCESS:
            continue
        taken = sorted((m for m in measured if m.check == index and m.value is not None), key=lambda m: m.at)
        good = next((m.at for at, m in enumerate(taken) if all(_holds(check, later) for later in taken[at:])), None)
        if good is None:
            return None
        ends.append(max(0.0, (good - since).total_seconds()))
    return max(ends, default=None)


def _holds(check: Check, measurement: Measurement) -> bool:
    value = measurement.value
    if value is None:
        return False
    return value <= check.threshold if check.comparison is Comparison.AT_MOST else value >= check.threshold
