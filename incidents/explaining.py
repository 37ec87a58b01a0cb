"""Why a policy says what it says: every row with why it does not match, every guard, and what would be needed. Pure."""

from collections.abc import Sequence

from incidents.approval import own_change_counts
from incidents.ids import ActionKind
from incidents.matrix import RowAnswer, row_answer
from incidents.policy import Effect, Findings, Policy, PolicyQuestion, PolicyVerdict, places_of
from incidents.ruling import people_needed, rule_on
from incidents.scope import Place
from incidents.value import Value

_OWN_CHANGE = {
    True: "somebody who makes it smaller may still approve it",
    False: "somebody who makes it smaller has asked for it, and others approve it",
}


class RowExplained(Value):
    """One row, asked about one action."""

    name: str
    effect: Effect
    answer: RowAnswer
    decides: bool
    """It is the first that matches."""
    reached: bool
    """It was looked at: no row before it decided."""

    @property
    def text(self) -> str:
        """In a few words."""
        if self.decides:
            return "this row decides"
        if not self.reached:
            return "not reached"
        if self.answer.misses:
            return "; ".join(self.answer.misses)
        return "; ".join(self.answer.bounds) + " (still a floor)"


class ActionExplained(Value):
    """All rows, asked about one action."""

    kind: ActionKind
    place: Place
    rows: tuple[RowExplained, ...]


class Explanation(Value):
    """Everything that led to a verdict."""

    verdict: PolicyVerdict
    actions: tuple[ActionExplained, ...]
    found: Findings
    """What Rego and the OPA server found, together."""
    needed: str
    """What it would take to run it."""


def explain(
    policy: Policy, question: PolicyQuestion, *, found: Findings, outside: Findings | None = None
) -> Explanation:
    """The verdict with its reasons."""
    said = outside or Findings()
    verdict = rule_on(policy, question, found=found, outside=outside)
    actions = tuple(
        ActionExplained(kind=action.request.kind, place=place, rows=_rows(policy, question, number, place))
        for number, (action, place) in enumerate(zip(question.actions, places_of(policy, question), strict=True))
    )
    both = Findings(
        denials=(*found.denials, *said.denials), demands=(*found.demands, *said.demands), revision=said.revision
    )
    return Explanation(verdict=verdict, actions=actions, found=both, needed=_needed(verdict, actions, both))


def _rows(policy: Policy, question: PolicyQuestion, number: int, place: Place) -> tuple[RowExplained, ...]:
    rows: list[RowExplained] = []
    decided = False
    for rule in policy.rules:
        answer = row_answer(policy, rule, question, question.actions[number], place)
        decides = answer.matches and not decided
        rows.append(
            RowExplained(name=rule.name, effect=rule.effect, answer=answer, decides=decides, reached=not decided)
        )
        decided = decided or decides
    return tuple(rows)


def _needed(verdict: PolicyVerdict, actions: Sequence[ActionExplained], found: Findings) -> str:
    if verdict.effect is Effect.ALLOW:
        return "nobody: it is pre-approved"
    if verdict.effect is Effect.ASK:
        return f"{people_needed(verdict)}; {_OWN_CHANGE[own_change_counts(verdict)]}"
    if found.denials:
        return "that none of this holds any more: " + "; ".join(denial.why for denial in found.denials)
    missing = [action for action in actions if not any(row.decides for row in action.rows)]
    if not missing:
        return "another policy: a row denies it"
    nearest = [_nearest(action) for action in missing]
    return "; ".join(nearest)


def _nearest(action: ActionExplained) -> str:
    """The row that comes closest to letting it pass."""
    open_rows = [row for row in action.rows if row.effect is not Effect.DENY]
    if not open_rows:
        return f"a row that allows {action.kind}"
    row = min(open_rows, key=lambda one: (len(one.answer.misses), len(one.answer.bounds)))
    against = "; ".join((*row.answer.misses, *row.answer.bounds))
    return f"a row that allows {action.kind}; `{row.name}` comes closest, but {against}"
