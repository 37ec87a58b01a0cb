"""Binary operators on numbers, and between a scalar and anything."""

from collections.abc import Callable, Mapping

import numpy as np

from worlds.promql.frame import Floats, Frame, Mask, Scalar, nameless

ARITHMETIC: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}
COMPARISONS: Mapping[str, Callable[[Floats, Floats], Mask]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}
SET_OPERATORS = frozenset({"and", "or", "unless"})


def between_scalars(operator: str, left: Scalar, right: Scalar) -> Scalar:
    """Combine two scalars; a comparison gives 0 or 1 (the parser insists on `bool`)."""
    if operator in ARITHMETIC:
        return Scalar(values=ARITHMETIC[operator](left.values, right.values))
    return Scalar(values=COMPARISONS[operator](left.values, right.values).astype(np.float64))


def with_scalar(operator: str, frame: Frame, scalar: Scalar, *, scalar_left: bool, as_bool: bool) -> Frame:
    """Combine each sample with a scalar; a comparison without `bool` filters and keeps the metric's name."""
    left, right = (scalar.values, frame.values) if scalar_left else (frame.values, scalar.values)
    if operator in ARITHMETIC:
        return _nameless(frame, ARITHMETIC[operator](left, right))
    passed = COMPARISONS[operator](left, right)
    if as_bool:
        return _nameless(frame, passed.astype(np.float64))
    return Frame(labels=frame.labels, values=frame.values, present=frame.present & passed)


def negated(frame: Frame) -> Frame:
    """Apply the unary minus."""
    return _nameless(frame, -frame.values)


def _nameless(frame: Frame, values: Floats) -> Frame:
    return nameless(Frame(labels=frame.labels, values=values, present=frame.present))
