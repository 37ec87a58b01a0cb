"""Which change of a proposal only narrows it, and why another does not. Pure.

A person may choose less of what is proposed: smaller steps, fewer steps, a shorter life, a longer watch, stricter
checks. What is not provably narrower is refused, and so is all that nobody declared (`incidents.bound`). The result is
not yet a proposal: it is previewed, rehearsed and put before policy like any other, and `widened` holds the outcome
against the proposal that it replaces, before it is sealed and again before it runs.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from pydantic import AwareDatetime, Field

from incidents.action import ActionRequest, name_of
from incidents.bound import Bound, Unfit, chosen, holds
from incidents.ids import EntityId
from incidents.narrowed import Difference
from incidents.proposal import ProposalBody, ProposedAction
from incidents.stricter import CheckWish, loosened, tightened
from incidents.value import Scalar, Value
from incidents.verification import Check, CheckRole

LONGEST_WATCH = 4 * 3600
"""Seconds: half a shift, as for everything that somebody has to remember."""
LEAST_LIFE = timedelta(seconds=60)
"""It takes that long to preview, rehearse and read what was changed."""
ALERTS = "alert_resolved"


class StepWish(Value):
    """What shall be otherwise about one action."""

    step: int = Field(ge=1)
    """Its number on the card, from 1."""
    arguments: dict[str, Scalar | None] = Field(default={}, max_length=20)
    """Argument -> the value instead; None leaves it as it is now."""


class Wanted(Value):
    """What a person wants instead of a proposal. What is not given stays."""

    steps: tuple[int, ...] | None = Field(default=None, max_length=50)
    """Numbers of the actions that are kept, from 1; None keeps all."""
    arguments: tuple[StepWish, ...] = Field(default=(), max_length=50)
    checks: tuple[CheckWish, ...] = Field(default=(), max_length=50)
    watch_seconds: int | None = None
    expires_at: AwareDatetime | None = None


class Problem(Value):
    """Why one part of a wish is not narrower."""

    field: str
    """`steps`, `1.replicas`, `check.2`, `watch_seconds`, `expires_at`; empty for all of it."""
    why: str


class NotNarrower(Value):
    """It cannot be changed so; every reason."""

    problems: tuple[Problem, ...] = Field(min_length=1)

    @property
    def message(self) -> str:
        """All reasons in a line."""
        return "; ".join(problem.why for problem in self.problems)


class Narrower(Value):
    """What is to be previewed and rehearsed in place of a proposal."""

    requests: tuple[ActionRequest, ...] = Field(min_length=1)
    checks: tuple[Check, ...]
    watch_seconds: int
    expires_at: datetime
    differences: tuple[Difference, ...] = Field(min_length=1)


def narrow(body: ProposalBody, wanted: Wanted, *, now: datetime) -> Narrower | NotNarrower:
    """The proposal with what a person wants instead, when that is narrower in every part."""
    kept, problems = _kept(body, wanted)
    requests, said = _requests(body, wanted, kept)
    problems += said
    pairs, said = _checks(body, wanted, kept)
    problems += [*said, *_watch_problems(body, wanted), *_expiry_problems(body, wanted, now=now)]
    if problems:
        return NotNarrower(problems=tuple(problems))
    watch = wanted.watch_seconds or body.watch_seconds
    expires = body.expires_at if wanted.expires_at is None else wanted.expires_at
    found = tuple(_differences(body, kept, requests, pairs, watch=watch, expires=expires))
    if not found:
        return NotNarrower(problems=(Problem(field="", why="Nothing is changed: choose something narrower."),))
    return Narrower(
        requests=requests,
        checks=tuple(check for _, check in pairs),
        watch_seconds=watch,
        expires_at=expires,
        differences=found,
    )


def widened(before: ProposalBody, after: ProposalBody) -> tuple[str, ...]:
    """What is not narrower in `after` than in `before`, in words; empty when all of it is.

    `after` may be the result of several changes: narrower of narrower is narrower.
    """
    found: list[str] = []
    if (before.incident, before.cause, before.entity) != (after.incident, after.cause, after.entity):
        found.append("it is about something else")
    pairs = _matched(before.actions, after.actions)
    if pairs is None:
        return (*found, "it has a step or a target that was not proposed, or another order")
    for old, new in pairs:
        found.extend(_wider_arguments(old, new))
    kept = [index for index, old in enumerate(before.actions) if any(old is one for one, _ in pairs)]
    if missing := _missing(before.actions, kept):
        found.append(missing)
    found.extend(_milder(before, kept, after.checks))
    if after.watch_seconds < before.watch_seconds:
        found.append("it is watched for a shorter time")
    if after.expires_at > before.expires_at:
        found.append("it expires later")
    return tuple(found)


def _kept(body: ProposalBody, wanted: Wanted) -> tuple[list[int], list[Problem]]:
    """Indices of the actions that stay."""
    count = len(body.actions)
    if wanted.steps is None:
        return list(range(count)), []
    unknown = sorted({step for step in wanted.steps if not 1 <= step <= count})
    if unknown:
        why = f"There is no step {unknown[0]}: the proposal has {'one' if count == 1 else f'steps 1 to {count}'}."
        return list(range(count)), [Problem(field="steps", why=why)]
    if not wanted.steps:
        return list(range(count)), [Problem(field="steps", why="Keep at least one step, or reject the proposal.")]
    kept = sorted({step - 1 for step in wanted.steps})
    missing = _missing(body.actions, kept)
    return kept, [Problem(field="steps", why=missing)] if missing else []


def _missing(actions: Sequence[ProposedAction], kept: Sequence[int]) -> str:
    """The words about a step that needs one which was left out; empty when none does.

    Actions on the same target build on each other: a later one was previewed on what the earlier one leaves.
    """
    for index in kept:
        for earlier in range(index):
            if earlier not in kept and actions[earlier].request.target == actions[index].request.target:
                this, that = (f"step {n + 1} ({actions[n].summary})" for n in (index, earlier))
                return f"S{this[1:]} needs {that}: keep both, or leave both out."
    return ""


def _requests(
    body: ProposalBody, wanted: Wanted, kept: Sequence[int]
) -> tuple[tuple[ActionRequest, ...], list[Problem]]:
    problems: list[Problem] = []
    wishes: dict[int, Mapping[str, Scalar | None]] = {}
    for wish in wanted.arguments:
        if wish.step > len(body.actions) or wish.step - 1 in wishes:
            problems.append(Problem(field=f"{wish.step}", why=f"There is no step {wish.step}, or it is there twice."))
        wishes[wish.step - 1] = wish.arguments
    requests = []
    for index in kept:
        request, said = _request(body.actions[index], wishes.get(index, {}), step=index + 1)
        requests.append(request)
        problems += said
    return tuple(requests), problems


def _request(
    action: ProposedAction, wishes: Mapping[str, Scalar | None], *, step: int
) -> tuple[ActionRequest, list[Problem]]:
    bounds = {bound.argument: bound for bound in action.bounds}
    arguments, problems = dict(action.request.arguments), []
    for name, typed in wishes.items():
        bound, field, where = bounds.get(name), f"{step}.{name}", f"{action.summary}: {plain(name)}"
        if typed is not None and name in arguments and arguments[name] == typed:
            continue
        if bound is None:
            may = ", ".join(plain(one) for one in bounds) or "nothing of this step"
            problems.append(Problem(field=field, why=f"{where} cannot be changed; what can: {may}."))
        elif typed is None and not bound.optional:
            problems.append(Problem(field=field, why=f"{where} cannot be left out: choose {bound.text}."))
        elif typed is None:
            del arguments[name]
        elif isinstance(value := chosen(bound, typed), Unfit):
            problems.append(Problem(field=field, why=f"{where}: {value.why}."))
        else:
            arguments[name] = value
    if bounds and not arguments.keys() & bounds.keys():
        problems.append(Problem(field=f"{step}", why=f"{action.summary}: nothing would be left to do; drop the step."))
    return action.request.model_copy(update={"arguments": arguments}), problems


def _checks(body: ProposalBody, wanted: Wanted, kept: Sequence[int]) -> tuple[list[tuple[Check, Check]], list[Problem]]:
    """All checks that stay, each as it was and as it shall be."""
    wishes = {wish.check: wish for wish in wanted.checks}
    watch = wanted.watch_seconds or body.watch_seconds
    problems = [
        Problem(field=f"check.{number}", why=f"There is no check {number}.")
        for number in wishes
        if not 1 <= number <= len(body.checks)
    ]
    staying, pairs = _staying(body, kept), []
    for number, check in enumerate(body.checks, start=1):
        if check not in staying:
            continue
        answer = tightened(check, wishes[number], watch_seconds=watch) if number in wishes else check
        if isinstance(answer, Unfit):
            problems.append(Problem(field=f"check.{number}", why=f"{check.text}: {answer.why}."))
        else:
            pairs.append((check, answer))
    return pairs, problems


def _staying(body: ProposalBody, kept: Sequence[int]) -> tuple[Check, ...]:
    """The checks without the successes that only steps which were left out were to bring. Guards always stay.

    What is not repaired goes on, and its alerts with it: neither says whether the rest helped. When nothing would be
    left that says what success is, all stay.
    """
    if len(kept) == len(body.actions):
        return body.checks
    staying = _of_kept(body, kept)
    goals = _goals(staying)
    if goals:
        return tuple(check for check in staying if check.role is CheckRole.GUARD or check in goals)
    return staying if any(check.role is CheckRole.SUCCESS for check in staying) else body.checks


def _milder(before: ProposalBody, kept: Sequence[int], checks: Sequence[Check]) -> Iterator[str]:
    """What a narrower proposal that keeps these steps lacks of guards and of what its steps are to bring.

    Where none of the successes is about these steps, which of them stayed depends on the order in which others went:
    one is enough.
    """
    if len(kept) == len(before.actions):
        yield from loosened(before.checks, checks)
        return
    staying = _of_kept(before, kept)
    guards = [check for check in staying if check.role is CheckRole.GUARD]
    yield from loosened([*_goals(staying), *guards], checks)
    successes = [check for check in before.checks if check.role is CheckRole.SUCCESS]
    if successes and all(list(loosened([check], checks)) for check in successes):
        yield "nothing is left that says what success is"


def _goals(checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if check.role is CheckRole.SUCCESS and check.measure != ALERTS]


def _of_kept(body: ProposalBody, kept: Sequence[int]) -> tuple[Check, ...]:
    """All checks but successes of what only steps that were left out touch."""
    own = {entity for index in kept for entity in _reached(body.actions[index])}
    lost = {entity for index, one in enumerate(body.actions) if index not in kept for entity in _reached(one)} - own
    return tuple(check for check in body.checks if check.role is CheckRole.GUARD or check.entity not in lost)


def _reached(action: ProposedAction) -> frozenset[EntityId]:
    return action.blast_radius.touched(action.request.target)


def _watch_problems(body: ProposalBody, wanted: Wanted) -> Iterator[Problem]:
    least = body.watch_seconds
    if wanted.watch_seconds is not None and not least <= wanted.watch_seconds <= max(LONGEST_WATCH, least):
        why = f"It is watched for {_minutes(least)} min: choose that or longer, up to {_minutes(LONGEST_WATCH)} min."
        yield Problem(field="watch_seconds", why=why)


def _expiry_problems(body: ProposalBody, wanted: Wanted, *, now: datetime) -> Iterator[Problem]:
    if body.expires_at - now < LEAST_LIFE:
        why = "Less than a minute is left to decide: ask to rehearse it again, then change the fresh proposal."
        yield Problem(field="", why=why)
    elif wanted.expires_at is not None and not now + LEAST_LIFE <= wanted.expires_at <= body.expires_at:
        left = int((body.expires_at - now).total_seconds() // 60)
        yield Problem(field="expires_at", why=f"It can only expire earlier: choose 1 to {left} minutes from now.")


def _differences(
    body: ProposalBody,
    kept: Sequence[int],
    requests: Sequence[ActionRequest],
    pairs: Sequence[tuple[Check, Check]],
    *,
    watch: int,
    expires: datetime,
) -> Iterator[Difference]:
    for index, action in enumerate(body.actions):
        if index not in kept:
            yield Difference(step=index + 1, what="left out:", before=action.summary, after="")
    for index, request in zip(kept, requests, strict=True):
        yield from _changed(body.actions[index], request, step=index + 1)
    for check in body.checks:
        if check not in [old for old, _ in pairs]:
            yield Difference(what="not asked any more:", before=check.text, after="")
    yield from (Difference(what="check", before=old.text, after=new.text) for old, new in pairs if old != new)
    if watch != body.watch_seconds:
        before, after = f"{_minutes(body.watch_seconds)} min", f"{_minutes(watch)} min"
        yield Difference(what="watched for", before=before, after=after)
    if expires != body.expires_at:
        yield Difference(what="decide by", before=f"{body.expires_at:%H:%M:%S}", after=f"{expires:%H:%M:%S} UTC")


def _changed(action: ProposedAction, request: ActionRequest, *, step: int) -> Iterator[Difference]:
    bounds: dict[str, Bound] = {bound.argument: bound for bound in action.bounds}
    for name, before in action.request.arguments.items():
        after = request.arguments.get(name)
        if after == before:
            continue
        bound, where = bounds[name], f"{plain(name)} of {name_of(request.target)}"
        said = "as it is now" if after is None else bound.says(after)
        yield Difference(step=step, what=where, before=bound.says(before), after=said)


def _matched(
    before: Sequence[ProposedAction], after: Sequence[ProposedAction]
) -> list[tuple[ProposedAction, ProposedAction]] | None:
    """Each action with the one that it was, in order; None when one of them is none of those before."""
    pairs, rest = [], iter(before)
    for new in after:
        old = next((one for one in rest if _same(one.request, new.request)), None)
        if old is None:
            return None
        pairs.append((old, new))
    return pairs


def _same(one: ActionRequest, other: ActionRequest) -> bool:
    return (one.kind, one.target) == (other.kind, other.target)


def _wider_arguments(old: ProposedAction, new: ProposedAction) -> Iterator[str]:
    bounds = {bound.argument: bound for bound in old.bounds}
    present = {bound.argument: bound.present for bound in new.bounds}
    given, proposed = new.request.arguments, old.request.arguments
    for name, value in given.items():
        bound = bounds.get(name)
        same = name in proposed and proposed[name] == value
        if bound is None:
            narrower = same
        else:
            narrower = holds(bound, value, present=present.get(name)) or (same and name not in present)
        if not narrower:
            may = bound.text if bound else "it cannot be changed"
            yield f"{new.summary}: {plain(name)} {value} is not narrower ({may})"
    for name in proposed.keys() - given.keys():
        if name not in bounds or not bounds[name].optional or not given.keys() & bounds.keys():
            yield f"{new.summary}: {plain(name)} cannot be left out"


def plain(name: str) -> str:
    """An argument's name as people say it."""
    return name.replace("_", " ")


def _minutes(seconds: float) -> int:
    return int(seconds // 60)
