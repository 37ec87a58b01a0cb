"""What may be chosen in place of an argument of a proposed action: less of the same, never more and never other. Pure.

The catalogue declares which arguments can become narrower, and how (`Narrowable`). With what the target is now and what
is proposed this becomes a `Bound`, which is sealed with the proposal. What is not declared cannot be chosen at all.
"""

import json
import re
from collections.abc import Callable, Mapping
from enum import StrEnum

from incidents.quantity import bytes_quantity, format_cores, parse_quantity
from incidents.value import Scalar, Value

MEBIBYTE = 2**20
LONGEST = 2000
"""Characters of anything that is typed: beyond it nothing is read."""
_WHOLE = re.compile(r"[0-9]{1,12}")
_STEPS = re.compile(r"[0-9]+(\.[0-9]+)?[A-Za-z]*")


class Order(StrEnum):
    """What narrower means for an argument."""

    BETWEEN = "between"
    """Anything from what is proposed to just before what is now: a smaller step in the same direction."""
    AT_MOST = "at_most"
    """A smaller number than the proposed one."""
    PART_OF = "part_of"
    """Some of the names that are proposed."""


class Unit(StrEnum):
    """How an argument's value is written."""

    COUNT = "count"
    MINUTES = "minutes"
    BYTES = "bytes"
    CORES = "cores"
    NAMES = "names"
    """Ids, separated by commas."""


class Narrowable(Value):
    """How one argument of an action can become narrower, as its entry in the catalogue says."""

    order: Order
    unit: Unit
    present: str = ""
    """Dotted path in the captured state at which stands what is now; needed for `between`."""
    least: float = 1
    """The smallest number for `at_most`."""
    optional: bool = False
    """May be left as it is now, as long as the action still has something to do."""


class Bound(Value):
    """Which values of one argument are as narrow as the proposed one, or narrower."""

    argument: str
    order: Order
    unit: Unit
    proposed: Scalar
    present: Scalar | None = None
    """What is now."""
    least: float = 1
    optional: bool = False

    @property
    def text(self) -> str:
        """What may be chosen, in words: `5 to 12 (4 now)`."""
        return _TEXTS[self.order](self)

    def says(self, value: Scalar) -> str:
        """A value of this argument as people write it."""
        return f"{value} min" if self.unit is Unit.MINUTES else str(value)

    @property
    def names(self) -> tuple[str, ...]:
        """The proposed names, when it is about names."""
        return names_in(self.proposed) if self.unit is Unit.NAMES else ()


class Unfit(Value):
    """Why a value cannot be chosen, and what may be."""

    why: str


def bounds_of(
    declared: Mapping[str, Narrowable], arguments: Mapping[str, Scalar], *, captured: str
) -> tuple[Bound, ...]:
    """The bounds of a request's arguments. `captured` is the snapshot's state as JSON.

    An argument whose present value is not known, or that would not move, has no bound: nothing is narrower than it.
    """
    found = (_bound(name, how, arguments[name], captured) for name, how in declared.items() if name in arguments)
    return tuple(bound for bound in found if bound is not None)


def chosen(bound: Bound, typed: Scalar) -> Scalar | Unfit:
    """The value that somebody typed, as the action takes it, when it is as narrow as what is proposed."""
    value = _read(bound.unit, typed)
    if isinstance(value, Unfit):
        return value
    if bound.unit is not Unit.NAMES and _number(bound.unit, value) == _number(bound.unit, bound.proposed):
        value = bound.proposed
    if not holds(bound, value):
        return Unfit(why=f"{_said(typed)} is not narrower: choose {bound.text}")
    return value


def holds(bound: Bound, value: Scalar, *, present: Scalar | None = None) -> bool:
    """Whether a value lies within the bound. `present` is what is now, when it was looked at again since."""
    if value == bound.proposed and present is None:
        return True
    if bound.unit is Unit.NAMES:
        asked, offered = names_in(value), bound.names
        return bool(asked) and len(set(asked)) == len(asked) and set(asked) <= set(offered)
    number, most = _number(bound.unit, value), _number(bound.unit, bound.proposed)
    if number is None or most is None:
        return False
    if bound.order is Order.AT_MOST:
        return bound.least <= number <= most
    now = _number(bound.unit, bound.present if present is None else present)
    return now is not None and (now < number <= most or most <= number < now)


def names_in(value: Scalar) -> tuple[str, ...]:
    """The names of a list as it is written in an argument."""
    return tuple(part.strip() for part in str(value).split(",") if part.strip())


def _bound(name: str, how: Narrowable, proposed: Scalar, captured: str) -> Bound | None:
    present = _at(captured, how.present) if how.order is Order.BETWEEN else None
    now, most = _number(how.unit, present), _number(how.unit, proposed)
    if how.order is Order.BETWEEN and (now is None or most is None or now == most):
        return None
    return Bound(
        argument=name,
        order=how.order,
        unit=how.unit,
        proposed=proposed,
        present=present,
        least=how.least,
        optional=how.optional,
    )


def _at(captured: str, path: str) -> Scalar | None:
    """The value at a dotted path of a JSON document; None when nothing, or no single value, stands there."""
    found: object = json.loads(captured) if captured else None
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found if isinstance(found, str | int | float) and not isinstance(found, bool) else None


def _number(unit: Unit, value: Scalar | None) -> float | None:
    """In the unit's base: bytes, cores, pods, minutes. None for what is no number."""
    if value is None or isinstance(value, bool) or unit is Unit.NAMES:
        return None
    try:
        return round(parse_quantity(str(value)), 6)
    except ValueError:
        return None


def _read(unit: Unit, typed: Scalar) -> Scalar | Unfit:
    """What was typed in the strict form of its unit: no sentence passes as a value."""
    text = str(typed).strip()
    if isinstance(typed, bool) or len(text) > LONGEST:
        return Unfit(why=f"{_said(typed)} is no {_FORMS[unit]}")
    match unit:
        case Unit.COUNT | Unit.MINUTES:
            whole = text.removesuffix(".0")
            return int(whole) if _WHOLE.fullmatch(whole) else Unfit(why=f"{_said(typed)} is no {_FORMS[unit]}")
        case Unit.BYTES | Unit.CORES:
            return _quantity(unit, text)
        case Unit.NAMES:
            return ",".join(names_in(text)) or Unfit(why="name at least one")


def _quantity(unit: Unit, text: str) -> Scalar | Unfit:
    number = parse_quantity(text) if _STEPS.fullmatch(text) and _is_quantity(text) else None
    step = MEBIBYTE if unit is Unit.BYTES else 0.001
    if number is None or number < step or abs(number / step - round(number / step)) > 1e-6:  # noqa: PLR2004 - noise of floats
        return Unfit(why=f"{_said(text)} is no {_FORMS[unit]}")
    steps = round(number / step)
    return bytes_quantity(steps * MEBIBYTE) if unit is Unit.BYTES else format_cores(steps / 1000)


def _is_quantity(text: str) -> bool:
    try:
        parse_quantity(text)
    except ValueError:
        return False
    return True


_FORMS = {
    Unit.COUNT: "whole number",
    Unit.MINUTES: "whole number of minutes",
    Unit.BYTES: "amount of memory: write whole mebibytes, such as 768Mi or 1Gi",
    Unit.CORES: "amount of CPU: write such as 250m or 2",
    Unit.NAMES: "list of names",
}


def _said(typed: Scalar) -> str:
    text = str(typed).strip()
    return repr(text if len(text) <= 40 else text[:39] + "…") if text else "nothing"  # noqa: PLR2004 - a line's worth


def _between(bound: Bound) -> str:
    now, most = _number(bound.unit, bound.present), _number(bound.unit, bound.proposed)
    if now is None or most is None:
        return f"only {bound.proposed}"
    if bound.unit is Unit.COUNT:
        low, high = (int(now) + 1, int(most)) if now < most else (int(most), int(now) - 1)
        return f"{f'{low} to {high}' if low < high else f'only {low}'} ({bound.present} now)"
    if now < most:
        return f"more than {bound.present} (now) up to {bound.proposed}"
    return f"less than {bound.present} (now) down to {bound.proposed}"


def _at_most(bound: Bound) -> str:
    return f"{bound.least:g} to {bound.says(bound.proposed)}"


def _part_of(bound: Bound) -> str:
    return f"some of {', '.join(bound.names)}"


_TEXTS: Mapping[Order, Callable[[Bound], str]] = {
    Order.BETWEEN: _between,
    Order.AT_MOST: _at_most,
    Order.PART_OF: _part_of,
}
