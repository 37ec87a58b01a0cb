"""Binary operators between two instant vectors: who is matched with whom, at every step.

Source of the rules and of the messages: promql/engine.go (VectorBinop, VectorAnd, VectorOr, VectorUnless).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from worlds.promql.errors import ExecutionError
from worlds.promql.frame import Floats, Frame, Mask, empty_frame, join_equal_rows, stack
from worlds.promql.labels import LabelKey, Labels, drop, keep, labels_of, render, signature, without_name
from worlds.promql.operators import ARITHMETIC, COMPARISONS

_AMBIGUOUS = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
_NOT_UNIQUE = "multiple matches for labels: grouping labels must ensure unique matches"


@dataclass(frozen=True, kw_only=True)
class Matching:
    """How two vectors are matched. `many` says which side may have several series per match ("" for neither)."""

    on: bool
    names: tuple[str, ...]
    many: str = ""
    include: tuple[str, ...] = ()

    def signatures(self, labels: Sequence[Labels]) -> list[LabelKey]:
        """Return what is compared, for each label set."""
        sign = signature(on=self.on, names=self.names)
        return [sign(one) for one in labels]


def combine(operator: str, left: Frame, right: Frame, matching: Matching, *, as_bool: bool) -> Frame:
    """Apply an arithmetic operator or a comparison to matching samples. Raises ExecutionError on ambiguity."""
    swapped = matching.many == "right"
    many, one = (right, left) if swapped else (left, right)
    many_signs, one_signs = matching.signatures(many.labels), matching.signatures(one.labels)
    _check_unique(one, one_signs, asked=many.anywhere(), side="left" if swapped else "right")
    pairs = _pairs(many_signs, one_signs)
    if not pairs:
        return empty_frame(left.steps)
    rows = np.array(pairs)
    many_values, one_values = many.values[rows[:, 0]], one.values[rows[:, 1]]
    lhs, rhs = (one_values, many_values) if swapped else (many_values, one_values)
    both = many.present[rows[:, 0]] & one.present[rows[:, 1]]
    values, present = _applied(operator, lhs, rhs, both, as_bool=as_bool)
    if not matching.many:
        _check_one_to_one([many_signs[row] for row in rows[:, 0]], present)
    labels = [_result_labels(operator, many.labels[m], one.labels[o], matching, as_bool=as_bool) for m, o in pairs]
    return join_equal_rows(Frame(labels=labels, values=values, present=present), complaint=_NOT_UNIQUE)


def set_operation(operator: str, left: Frame, right: Frame, matching: Matching) -> Frame:
    """Apply `and`, `or`, `unless`."""
    left_signs, right_signs = matching.signatures(left.labels), matching.signatures(right.labels)
    if operator == "or":
        extra = right.present & ~_covered(right_signs, left_signs, left)
        merged = Frame(labels=right.labels, values=right.values, present=extra)
        return join_equal_rows(stack([left, merged], steps=left.steps))
    covered = _covered(left_signs, right_signs, right)
    present = left.present & (covered if operator == "and" else ~covered)
    return Frame(labels=left.labels, values=left.values, present=present)


def _covered(signs: Sequence[LabelKey], other_signs: Sequence[LabelKey], other: Frame) -> Mask:
    """Say for each sign and step whether the other side has a sample with the same sign."""
    there: dict[LabelKey, Mask] = {}
    for row, sign in enumerate(other_signs):
        there[sign] = there[sign] | other.present[row] if sign in there else other.present[row]
    nothing = np.zeros(other.steps, dtype=bool)
    if not signs:
        return np.zeros((0, other.steps), dtype=bool)
    return np.array([there.get(sign, nothing) for sign in signs])


def _applied(operator: str, left: Floats, right: Floats, both: Mask, *, as_bool: bool) -> tuple[Floats, Mask]:
    if operator in ARITHMETIC:
        return ARITHMETIC[operator](left, right), both
    passed = COMPARISONS[operator](left, right)
    return (passed.astype(np.float64), both) if as_bool else (left, both & passed)


def _pairs(many: Sequence[LabelKey], one: Sequence[LabelKey]) -> list[tuple[int, int]]:
    rows: dict[LabelKey, list[int]] = {}
    for row, sign in enumerate(one):
        rows.setdefault(sign, []).append(row)
    return [(row, other) for row, sign in enumerate(many) for other in rows.get(sign, ())]


def _check_unique(one: Frame, signs: Sequence[LabelKey], *, asked: Mask, side: str) -> None:
    for sign, rows in _repeated(signs).items():
        clash = asked & (one.present[rows].sum(axis=0) > 1)
        if clash.any():
            step = int(np.argmax(clash))
            first, second = [row for row in rows if one.present[row, step]][:2]
            raise ExecutionError(
                f"found duplicate series for the match group {render(labels_of(sign))} on the {side} hand-side of the "
                f"operation: [{render(one.labels[second])}, {render(one.labels[first])}];many-to-many matching not "
                "allowed: matching labels must be unique on one side"
            )


def _check_one_to_one(signs: Sequence[LabelKey], present: Mask) -> None:
    for rows in _repeated(signs).values():
        if (present[rows].sum(axis=0) > 1).any():
            raise ExecutionError(_AMBIGUOUS)


def _repeated(signs: Sequence[LabelKey]) -> dict[LabelKey, list[int]]:
    rows: dict[LabelKey, list[int]] = {}
    for row, sign in enumerate(signs):
        rows.setdefault(sign, []).append(row)
    return {sign: found for sign, found in rows.items() if len(found) > 1}


def _result_labels(operator: str, many: Labels, one: Labels, matching: Matching, *, as_bool: bool) -> Labels:
    labels = dict(without_name(many) if as_bool or operator in ARITHMETIC else many)
    if not matching.many:
        labels = keep(labels, matching.names) if matching.on else drop(labels, matching.names)
    return _with_included(labels, one, matching.include)


def _with_included(labels: dict[str, str], one: Labels, names: Collection[str]) -> dict[str, str]:
    for name in names:
        labels.pop(name, None)
        if one.get(name):
            labels[name] = one[name]
    return labels
