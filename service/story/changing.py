"""The form with which a proposal is narrowed: its fields with their bounds, and what was typed as a wish. Pure.

The console's page and Slack's modal show the same fields under the same names, and problems name the field that they
are about. What is allowed is decided by `incidents.narrowing` when it is submitted.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from incidents.action import name_of
from incidents.bound import Bound, Unit
from incidents.narrowing import LONGEST_WATCH, NotNarrower, Problem, StepWish, Wanted, plain
from incidents.proposal import ProposalBody
from incidents.stricter import CheckWish, strictness, tightens
from incidents.value import Scalar, Value
from incidents.verification import Check

STEPS, WATCH, EXPIRES = "steps", "watch_seconds", "expires_at"
MOST_OPTIONS = 10
"""Boxes to tick that Slack shows in one group; more names are written as a list."""
_SCALES: Mapping[str, Mapping[str, float]] = {"ratio": {"%": 0.01}, "seconds": {"ms": 0.001, "s": 1.0}}
"""Unit of a check -> the units that people may type, and what one of them is in it."""
INTRODUCTION = (
    "It can only become smaller, shorter or stricter. What you choose is previewed and rehearsed anew, asks policy "
    "anew, and takes the place of this proposal: approvals that were given do not carry over."
)


class Field(Value):
    """One thing that may be chosen otherwise."""

    name: str
    label: str
    hint: str
    value: str = ""
    """As it is proposed; what is left empty stays as it is, unless the hint says otherwise."""
    options: tuple[tuple[str, str], ...] = ()
    """(value, words) of boxes; empty for something that is typed."""
    unticked: tuple[str, ...] = ()
    """Values of the boxes that are not ticked: none, before somebody unticks one."""
    needed: bool = False
    problem: str = ""
    """Why what was typed is not narrower."""


Typed = Mapping[str, str | Sequence[str]]
"""Name of a field -> what stands in it; the values that are ticked for one with boxes."""


def fields_of(body: ProposalBody, *, now: datetime) -> tuple[Field, ...]:
    """What may be narrowed of this proposal, the most wanted first."""
    return (*_steps(body), *_arguments(body), *_rest(body, now=now), *_checks(body))


def refilled(fields: Sequence[Field], typed: Typed, refused: NotNarrower | None) -> tuple[Field, ...]:
    """The form as somebody left it, each field with what speaks against it."""
    problems = {one.field: one.why for one in refused.problems} if refused else {}
    return tuple(_refilled(field, typed, problem=problems.get(field.name, "")) for field in fields)


def wanted_of(body: ProposalBody, typed: Typed, *, now: datetime) -> Wanted | NotNarrower:
    """What somebody wants by what they typed. Fields that are not there stay as they are."""
    problems: list[Problem] = []
    wanted = Wanted(
        steps=_kept(body, typed),
        arguments=tuple(_wishes(body, typed)),
        checks=tuple(_check_wishes(body, typed, problems)),
        watch_seconds=_minutes(WATCH, typed, problems),
        expires_at=_moment(_minutes(EXPIRES, typed, problems), now=now),
    )
    return NotNarrower(problems=tuple(problems)) if problems else wanted


def _refilled(field: Field, typed: Typed, *, problem: str) -> Field:
    given = typed.get(field.name)
    if given is None:
        return field.model_copy(update={"problem": problem})
    if field.options:
        left_out = tuple(value for value, _ in field.options if value not in given)
        return field.model_copy(update={"unticked": left_out, "problem": problem})
    return field.model_copy(update={"value": str(given), "problem": problem})


def _steps(body: ProposalBody) -> Iterator[Field]:
    if len(body.actions) > 1:
        options = tuple((f"{n}", f"{n}. {action.summary}") for n, action in enumerate(body.actions, start=1))
        yield Field(name=STEPS, label="Steps", hint="Untick what shall not be done.", options=options, needed=True)


def _arguments(body: ProposalBody) -> Iterator[Field]:
    for number, action in enumerate(body.actions, start=1):
        for bound in action.bounds:
            yield _argument(bound, step=number, of=name_of(action.request.target))


def _argument(bound: Bound, *, step: int, of: str) -> Field:
    name, label = f"{step}.{bound.argument}", f"{plain(bound.argument).capitalize()} of {of}"
    if bound.unit is Unit.NAMES and len(bound.names) <= MOST_OPTIONS:
        options = tuple((one, "/".join(one.split("/")[-2:])) for one in bound.names)
        return Field(name=name, label=label, hint="Untick what shall stay as it is.", options=options, needed=True)
    empty = ". Empty: it stays as it is now" if bound.optional else ""
    return Field(
        name=name,
        label=label,
        hint=f"{bound.text}{empty}",
        value=str(bound.proposed),
        needed=not bound.optional,
    )


def _rest(body: ProposalBody, *, now: datetime) -> Iterator[Field]:
    watched, longest = body.watch_seconds // 60, LONGEST_WATCH // 60
    if watched < longest:
        hint = f"{watched} or longer, up to {longest}. Empty: {watched}"
        yield Field(name=WATCH, label="Minutes that it is watched afterwards", hint=hint)
    left = int((body.expires_at - now).total_seconds() // 60)
    if left > 1:
        hint = f"Fewer than are left until {body.expires_at:%H:%M} UTC. Empty: until then, as it is"
        yield Field(name=EXPIRES, label="Minutes left to decide", hint=hint)


def _checks(body: ProposalBody) -> Iterator[Field]:
    for number, check in enumerate(body.checks, start=1):
        if tightens(check):
            unit = _bare_unit(check)
            alone = f"; a number alone is in {unit}" if unit else ""
            hint = f"{strictness(check)}{alone}. Empty: as it is"
            yield Field(name=f"check.{number}", label=f"Stricter than: {check.text}", hint=hint)


def _bare_unit(check: Check) -> str:
    """The unit of a number that is typed without one: as the threshold is shown; empty when it is counted."""
    if check.unit == "seconds":
        return "s" if check.threshold >= 1 else "ms"
    return next(iter(_SCALES.get(check.unit, {})), "")


def _kept(body: ProposalBody, typed: Typed) -> tuple[int, ...] | None:
    if len(body.actions) == 1 or STEPS not in typed:
        return None
    return tuple(int(one) for one in _ticked(typed[STEPS]) if one.isdecimal() and len(one) < MOST_OPTIONS)


def _wishes(body: ProposalBody, typed: Typed) -> Iterator[StepWish]:
    for number, action in enumerate(body.actions, start=1):
        bounds = {f"{number}.{bound.argument}": bound for bound in action.bounds}
        wishes = {bound.argument: _value(bound, typed[name]) for name, bound in bounds.items() if name in typed}
        if wishes:
            yield StepWish(step=number, arguments=wishes)


def _value(bound: Bound, typed: str | Sequence[str]) -> Scalar | None:
    if bound.unit is Unit.NAMES:
        return ",".join(_ticked(typed))
    text = typed.strip() if isinstance(typed, str) else ""
    return None if not text and bound.optional else text


def _ticked(typed: str | Sequence[str]) -> Sequence[str]:
    return [one.strip() for one in typed.split(",") if one.strip()] if isinstance(typed, str) else typed


def _check_wishes(body: ProposalBody, typed: Typed, problems: list[Problem]) -> Iterator[CheckWish]:
    for number, check in enumerate(body.checks, start=1):
        name, scales = f"check.{number}", _SCALES.get(check.unit, {})
        given = typed.get(name, "")
        text = given.strip() if isinstance(given, str) else ""
        unit = next((unit for unit in scales if text.endswith(unit)), _bare_unit(check))
        figure = _number(name, {name: text.removesuffix(unit)}, problems)
        if figure is not None:
            yield CheckWish(check=number, threshold=figure * scales.get(unit, 1.0))


def _minutes(name: str, typed: Typed, problems: list[Problem]) -> int | None:
    """Seconds, of minutes as they are typed."""
    number = _number(name, typed, problems)
    return None if number is None else round(number * 60)


def _moment(seconds: int | None, *, now: datetime) -> datetime | None:
    return None if seconds is None else now + timedelta(seconds=min(max(seconds, 0), 10**6))


def _number(name: str, typed: Typed, problems: list[Problem]) -> float | None:
    given = typed.get(name, "")
    text = given.strip().replace(",", ".") if isinstance(given, str) else ""
    if not text:
        return None
    if text.replace(".", "", 1).isdecimal() and len(text) < 12:  # noqa: PLR2004 - more digits are a mistake
        return float(text)
    problems.append(Problem(field=name, why=f"{text[:40]!r} is no number."))
    return None
