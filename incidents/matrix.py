"""Decides by the rows of the matrix: the first that matches, the strictest of several, else deny.

A row that only misses because the change is larger, dearer or less certain than its bounds still counts as a floor:
so a larger blast radius never needs fewer people, whatever the rows say.
"""

from collections.abc import Sequence

from incidents.autonomy import Earned, EarnedTerms, change_class, earned, records
from incidents.calendar import open_windows
from incidents.narrowed import OwnChange
from incidents.policy import (
    NO_POLICY,
    ConsideredAction,
    Effect,
    Policy,
    PolicyQuestion,
    PolicyRule,
    PolicyVerdict,
    Preapproval,
    places_of,
)
from incidents.scope import Place, among
from incidents.value import Value

DEFAULT_EXPIRY_SECONDS = 900
"""How long a proposal that no rule matches is shown as denied."""
_OWN_CHANGES = (OwnChange.ALWAYS, OwnChange.ALONE, OwnChange.NEVER)
"""From the mildest to the strictest."""
_STRICTNESS = {Effect.ALLOW: 0, Effect.ASK: 1, Effect.DENY: 2}


class RowAnswer(Value):
    """Why a row does not match an action; it matches when both are empty."""

    misses: tuple[str, ...] = ()
    """It is about something else."""
    bounds: tuple[str, ...] = ()
    """It is about this, and the change lies beyond its bounds: then it is a floor."""

    @property
    def matches(self) -> bool:
        """Whether the row decides."""
        return not self.misses and not self.bounds


class ActionAnswer(Value):
    """What the rows say of one action."""

    matched: PolicyRule | None
    floors: tuple[PolicyRule, ...] = ()
    """Rows before it that it only outgrew."""

    @property
    def strictest(self) -> PolicyRule | None:
        """The row that sets effect and number of approvals; None when nothing matches."""
        rows = [] if self.matched is None else [self.matched, *self.floors]
        return max(rows, key=_severity, default=None)


def decide(policy: Policy | None, question: PolicyQuestion, *, preapproved: bool = True) -> PolicyVerdict:
    """The verdict on actions that are proposed together: the strictest of any, and somebody whom all of them accept.

    No policy, no action and no matching rule each mean deny. `preapproved` False leaves pre-approvals out.
    """
    places = places_of(policy, question)
    if policy is None or not question.actions:
        why = "no policy is loaded" if policy is None else "there is nothing to decide about"
        return denied(policy, why, places=places)
    pairs = list(zip(question.actions, places, strict=True))
    answers = [_answer(policy, question, action, place, preapproved=preapproved) for action, place in pairs]
    missing = {action.request.kind for (action, _), found in zip(pairs, answers, strict=True) if found.matched is None}
    if missing:
        outgrown = [
            f"; `{rule.name}` would, but {'; '.join(row_answer(policy, rule, question, action, place).bounds)}"
            for (action, place), found in zip(pairs, answers, strict=True)
            for rule in found.floors[:1]
            if found.matched is None
        ]
        why = f"no rule of {policy.source} allows {', '.join(sorted(missing))}"
        return denied(policy, why + "".join(outgrown), places=places)
    return _with_record(_joined(policy, answers, places), question, answers)


def _with_record(verdict: PolicyVerdict, question: PolicyQuestion, answers: Sequence[ActionAnswer]) -> PolicyVerdict:
    """A verdict that rests on a record says on which."""
    if verdict.effect is not Effect.ALLOW:
        return verdict
    terms = [(found.matched.earned if found.matched else None) for found in answers]
    told = [_earned(t, question, action).because for t, action in zip(terms, question.actions, strict=True) if t]
    return verdict.model_copy(update={"reason": "; ".join(dict.fromkeys((verdict.reason, *told)))})


def row_answer(
    policy: Policy, rule: PolicyRule, question: PolicyQuestion, action: ConsideredAction, place: Place
) -> RowAnswer:
    """Why one row does not match one action, in words for people."""
    about = [*rule.misses(place, any_service=rule.effect is Effect.DENY)]
    if not among(action.request.kind, rule.actions):
        about.append(f"action {action.request.kind} is not {' or '.join(rule.actions)}")
    if rule.causes and not among(question.cause or "", rule.causes):
        about.append(f"cause {question.cause or 'none'} is not {' or '.join(rule.causes)}")
    if rule.windows and not set(rule.windows) & set(open_windows(policy.calendar, now=question.at)):
        about.append(f"the window {' or '.join(rule.windows)} is not open")
    if rule.effect is Effect.ALLOW:
        about.extend(_preapproval_misses(rule, question, action))
    return RowAnswer(misses=tuple(about), bounds=_bounds(rule, question, action))


def denied(policy: Policy | None, reason: str, *, places: Sequence[Place] = ()) -> PolicyVerdict:
    """The verdict when nothing allows it."""
    return PolicyVerdict(
        effect=Effect.DENY,
        approvals=0,
        approvers=(),
        places=tuple(places),
        rule="default",
        reason=reason,
        version=policy.version if policy else NO_POLICY,
        expires_in_seconds=DEFAULT_EXPIRY_SECONDS,
    )


def _answer(
    policy: Policy, question: PolicyQuestion, action: ConsideredAction, place: Place, *, preapproved: bool
) -> ActionAnswer:
    floors: list[PolicyRule] = []
    for rule in policy.rules:
        if rule.effect is Effect.ALLOW and not preapproved:
            continue
        found = row_answer(policy, rule, question, action, place)
        if found.matches:
            return ActionAnswer(matched=rule, floors=tuple(floors))
        if not found.misses and rule.effect is not Effect.ALLOW:
            floors.append(rule)
    return ActionAnswer(matched=None, floors=tuple(floors))


def _preapproval_misses(rule: PolicyRule, question: PolicyQuestion, action: ConsideredAction) -> list[str]:
    if rule.until is None or question.at >= rule.until:
        return [f"it ended {rule.until:%Y-%m-%d %H:%M}" if rule.until else "it has no end, so it never holds"]
    if rule.earned is not None:
        answer = _earned(rule.earned, question, action)
        return [] if answer.earned else [f"autonomy is not earned: {answer.because}"]
    used = question.standing.used.get(rule.name, 0)
    return [f"it was used {used} of {rule.uses} times"] if used >= rule.uses else []


def _earned(terms: EarnedTerms, question: PolicyQuestion, action: ConsideredAction) -> Earned:
    """Whether this kind of change, for this cause and here, has earned to run without a click."""
    if question.cause is None:
        return Earned(earned=False, bound=0.0, because="no cause was diagnosed")
    change = change_class(action.request.kind, question.cause, action.request.target)
    kept = records(question.standing.graded, now=question.at, days=terms.days)
    return earned(next((record for record in kept if record.change == change), None), terms)


def _bounds(rule: PolicyRule, question: PolicyQuestion, action: ConsideredAction) -> tuple[str, ...]:
    found = []
    if rule.max_pods is not None and action.reach.pods > rule.max_pods:
        found.append(f"it touches {action.reach.pods} pods, more than {rule.max_pods}")
    if rule.min_confidence is not None and question.confidence < rule.min_confidence:
        found.append(f"the diagnosis is {question.confidence:.0%} sure, less than {rule.min_confidence:.0%}")
    cost = question.usd_per_hour
    if rule.max_usd_per_hour is not None and (cost is None or cost > rule.max_usd_per_hour):
        what = "its cost is unknown" if cost is None else f"it costs {cost:.2f} USD an hour more"
        found.append(f"{what}; at most {rule.max_usd_per_hour:.2f}")
    if rule.reversibility and action.reversibility not in rule.reversibility:
        found.append(f"its undo is {action.reversibility}, not {' or '.join(rule.reversibility)}")
    return tuple(found)


def _severity(rule: PolicyRule) -> tuple[int, int]:
    return _STRICTNESS[rule.effect], max(rule.approvals, len(rule.one_of_each))


def _preapprovals(rules: Sequence[PolicyRule]) -> tuple[Preapproval, ...]:
    named = {rule.name: Preapproval(name=rule.name, signed_by=rule.signed_by, uses=rule.uses) for rule in rules}
    return tuple(named.values())


def _filled(rule: PolicyRule, *, people: Sequence[str], each: Sequence[str]) -> bool:
    """Whether a joined quorum of these roles, one of `each` among them, always holds as many as one row wants.

    It does when the row accepts everybody who counts; else only those are sure of whom there has to be one of each.
    """
    accepted = {*rule.approvers, *rule.one_of_each}
    return set(people) <= accepted or len(accepted & set(each)) >= max(rule.approvals, 1)


def _joined(policy: Policy, answers: Sequence[ActionAnswer], places: Sequence[Place]) -> PolicyVerdict:
    strict = [rule for answer in answers if (rule := answer.strictest) is not None]
    hardest = max(strict, key=_severity)
    if hardest.effect is Effect.DENY:
        reason = hardest.reason or f"rule {hardest.name} of {policy.source}"
        return denied(policy, reason, places=places).model_copy(update={"rule": hardest.name})
    asking = [rule for rule in strict if rule.effect is Effect.ASK]
    approvers = [role for role in hardest.approvers if all(role in rule.approvers for rule in asking)]
    if asking and not approvers:
        names = ", ".join(rule.name for rule in asking)
        why = f"no role may approve all of it: the rules {names} ask different ones; propose the actions singly"
        return denied(policy, why, places=places)
    each = tuple(dict.fromkeys(role for rule in asking for role in rule.one_of_each))
    if short := [rule.name for rule in asking if not _filled(rule, people=(*approvers, *each), each=each)]:
        why = f"no role may approve all of it: people of other rules would fill the quorum of {', '.join(short)}"
        return denied(policy, f"{why}; propose the actions singly", places=places)
    return PolicyVerdict(
        effect=hardest.effect,
        approvals=max(1, hardest.approvals, len(each)) if asking else 0,
        approvers=tuple(dict.fromkeys((*approvers, *each))) if asking else (),
        one_of_each=each,
        own_change=max((rule.own_change for rule in asking), key=_OWN_CHANGES.index, default=OwnChange.ALONE),
        places=tuple(places),
        rule=hardest.name,
        reason=hardest.reason or f"rule {hardest.name} of {policy.source}",
        version=policy.version,
        expires_in_seconds=min(rule.expires_in_seconds for rule in strict),
        preapprovals=() if asking else _preapprovals(strict),
    )
