"""Which change of a check only makes it stricter: success is harder to claim, harm is seen sooner. Pure."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from pydantic import Field

from incidents.bound import Unfit
from incidents.value import Value
from incidents.verification import Check, CheckRole, Comparison, figure

_TIGHTENED = "; tightened to "


class CheckWish(Value):
    """What shall be stricter about one check."""

    check: int = Field(ge=1)
    """Its number, from 1."""
    threshold: float | None = Field(default=None, allow_inf_nan=False)
    """In the check's own unit."""
    hold_seconds: int | None = None


def tightened(check: Check, wish: CheckWish, *, watch_seconds: int) -> Check | Unfit:
    """The check as somebody wants it, when that is at least as strict and can still be told in the window."""
    threshold = check.threshold if wish.threshold is None else round(wish.threshold, 6)
    hold = check.hold if wish.hold_seconds is None else timedelta(seconds=wish.hold_seconds)
    if not _as_strict(check, threshold):
        return Unfit(why=f"{figure(threshold, check.unit)} is not stricter: choose {strictness(check)}")
    if threshold != check.threshold and not _possible(check, threshold):
        return Unfit(why=f"{figure(threshold, check.unit)} would fail at once: choose {strictness(check)}")
    longest = timedelta(seconds=watch_seconds // 2)
    if hold != check.hold and not (check.role is CheckRole.SUCCESS and check.hold <= hold <= longest):
        least, most = int(check.hold.total_seconds()), int(longest.total_seconds())
        return Unfit(why=f"it has to hold for {least} s at least, and for half of the watch ({most} s) at most")
    if (threshold, hold) == (check.threshold, check.hold):
        return check
    return check.model_copy(update={"threshold": threshold, "hold": hold, "text": _text(check, threshold, hold)})


def strictness(check: Check) -> str:
    """What may be chosen as its threshold, in words: `240 ms to 410 ms`."""
    best = _best(check)
    said = figure(check.threshold, check.unit)
    if best is None:
        return f"{said} or more" if check.comparison is Comparison.AT_LEAST else f"{said} or less"
    low, high = sorted((best, check.threshold))
    if low == high:
        return f"only {said}"
    return f"{figure(low, check.unit)} to {figure(high, check.unit)}"


def tightens(check: Check) -> bool:
    """Whether there is a stricter threshold that makes sense."""
    return _best(check) != check.threshold


def loosened(before: Sequence[Check], after: Sequence[Check]) -> Iterator[str]:
    """The checks of `before` that `after` lacks, or has in a milder form, in words."""
    for check in before:
        same = [one for one in after if _about(one) == _about(check)]
        if not any(_as_strict(check, one.threshold) and one.hold >= check.hold for one in same):
            yield f"the check is gone or milder: {check.text}"


def _about(check: Check) -> tuple[object, ...]:
    return check.role, check.measure, check.entity, check.comparison, check.unit


def _as_strict(check: Check, threshold: float) -> bool:
    at_most = check.comparison is Comparison.AT_MOST
    return threshold <= check.threshold if at_most else threshold >= check.threshold


def _possible(check: Check, threshold: float) -> bool:
    best = _best(check)
    if best is None:
        return True
    return threshold >= best if check.comparison is Comparison.AT_MOST else threshold <= best


def _best(check: Check) -> float | None:
    """The strictest threshold that does not fail by itself: for a guard what is now; nothing is below zero."""
    if check.comparison is Comparison.AT_LEAST:
        return 1.0 if check.unit == "ratio" else check.threshold if check.unit == "pods" else None
    if check.role is CheckRole.GUARD and check.baseline is not None:
        return min(max(check.baseline, 0.0), check.threshold)
    return min(0.0, check.threshold)


def _text(check: Check, threshold: float, hold: timedelta) -> str:
    held = f" for {hold.total_seconds() / 60:g} min" if hold else ""
    return f"{check.text.partition(_TIGHTENED)[0]}{_TIGHTENED}{figure(threshold, check.unit)}{held}"
