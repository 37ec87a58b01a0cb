"""Whether what a runbook names exists (facts, attributes, actions, measures), and can be told from others."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from agents.planner.measures import MEASURES
from agents.runbooks.grammar import write_alternative
from agents.runbooks.library import Library
from agents.runbooks.problem import Problem, Severity, did_you_mean
from agents.runbooks.runbook import SECTIONS, Runbook
from agents.runbooks.template import PROMPTS
from incidents.cause import ActionHint, Alternative, Cause, Expression
from incidents.fact import FactRole, FactSpec
from incidents.ids import ActionKind, FactKind
from tools.action import ActionCard

THIN_SECTION = 40
"""Characters. Less than a sentence under a heading helps nobody at 2:47."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What runbooks may name. `actions` None: the catalogue was not at hand, and actions are not judged."""

    facts: Mapping[FactKind, FactSpec]
    actions: Mapping[ActionKind, ActionCard] | None = None

    @classmethod
    def of(cls, facts: Mapping[FactKind, FactSpec], cards: Iterable[ActionCard] | None = None) -> "Known":
        """From the detectors' vocabulary and the cards of the action catalogue."""
        return cls(facts=facts, actions=None if cards is None else {card.kind: card for card in cards})


def lint(library: Library, *, known: Known) -> tuple[Problem, ...]:
    """Every problem of every runbook, by file and line. Pure; what could not be parsed is the folders' to report."""
    found = [problem for runbook in library.runbooks for problem in _runbook(runbook, known=known)]
    found += _twins(library)
    return tuple(sorted(found, key=lambda problem: (problem.path, problem.line, problem.field)))


def _runbook(runbook: Runbook, *, known: Known) -> Iterator[Problem]:
    if runbook.cause is None:
        return
    yield from _facts(runbook, runbook.cause, known=known)
    yield from _actions(runbook, runbook.cause, known=known)
    yield from _measures(runbook, runbook.cause)
    yield from _proves_something(runbook, runbook.cause, known=known)
    yield from _prose(runbook)


def _problem(
    runbook: Runbook, *, at: str, message: str, instead: str = "", severity: Severity = Severity.ERROR
) -> Problem:
    return Problem(
        path=runbook.path,
        line=_line(runbook, at),
        field=at,
        severity=severity,
        message=message,
        instead=instead,
    )


def _line(runbook: Runbook, at: str) -> int:
    """The line of a field, of the list it stands in, or of the first line when the field was never written."""
    within = at.partition("[")[0]
    return next((runbook.lines[p] for p in (at, within, within.partition(".")[0]) if p in runbook.lines), 1)


def _facts(runbook: Runbook, cause: Cause, *, known: Known) -> Iterator[Problem]:
    for name, lines in _lists(cause).items():
        for index, line in enumerate(lines):
            for kind in line.kinds:
                if kind not in known.facts:
                    yield _problem(
                        runbook,
                        at=f"facts.{name}[{index}]",
                        message=f"no detector emits {kind}",
                        instead=did_you_mean(kind, known.facts),
                    )
                else:
                    yield from _conditions(runbook, line, spec=known.facts[kind], at=f"facts.{name}[{index}]")


def _conditions(runbook: Runbook, line: Alternative, *, spec: FactSpec, at: str) -> Iterator[Problem]:
    for attribute in sorted({name for condition in line.where.get(spec.kind, ()) for name in condition}):
        if attribute not in spec.attributes:
            message = f"{spec.kind} has no attribute {attribute}"
            yield _problem(runbook, at=at, message=message, instead=did_you_mean(attribute, spec.attributes))


def _lists(cause: Cause) -> dict[str, tuple[Alternative, ...]]:
    return {"must": cause.must, "likely": cause.likely, "never": cause.never}


def _actions(runbook: Runbook, cause: Cause, *, known: Known) -> Iterator[Problem]:
    for index, hint in enumerate(cause.actions):
        at = f"actions[{index}]"
        if known.actions is not None:
            card = known.actions.get(hint.kind)
            if card is None:
                instead = did_you_mean(hint.kind, known.actions)
                yield _problem(runbook, at=at, message=f"there is no action {hint.kind}", instead=instead)
            else:
                yield from _arguments(runbook, hint, card=card, at=at)
        yield from _expressions(runbook, hint, known=known, at=at)


def _arguments(runbook: Runbook, hint: ActionHint, *, card: ActionCard, at: str) -> Iterator[Problem]:
    for argument in hint.arguments:
        if argument not in card.arguments:
            yield _problem(
                runbook,
                at=f"{at}.{hint.kind}.{argument}",
                message=f"{hint.kind} takes no {argument}",
                instead=did_you_mean(argument, card.arguments) or "leave it out",
            )


def _expressions(runbook: Runbook, hint: ActionHint, *, known: Known, at: str) -> Iterator[Problem]:
    for argument, value in hint.arguments.items():
        if not isinstance(value, Expression):
            continue
        place, spec = f"{at}.{hint.kind}.{argument}", known.facts.get(value.fact)
        if spec is None:
            instead = did_you_mean(value.fact, known.facts)
            yield _problem(runbook, at=place, message=f"no detector emits {value.fact}", instead=instead)
        elif value.attribute not in spec.attributes:
            message = f"{value.fact} has no attribute {value.attribute}"
            yield _problem(runbook, at=place, message=message, instead=did_you_mean(value.attribute, spec.attributes))


def _measures(runbook: Runbook, cause: Cause) -> Iterator[Problem]:
    for name, measures in (("success", cause.success), ("must_not_worsen", cause.must_not_worsen)):
        for index, measure in enumerate(measures):
            if measure not in MEASURES:
                instead = did_you_mean(measure, MEASURES)
                yield _problem(
                    runbook, at=f"{name}[{index}]", message=f"there is no measure {measure}", instead=instead
                )
    if cause.actions and not cause.success:
        yield _problem(
            runbook,
            at="actions",
            message="nothing says when its actions have helped",
            instead="write success: [alert_resolved]",
        )


def _proves_something(runbook: Runbook, cause: Cause, *, known: Known) -> Iterator[Problem]:
    """Symptoms alone never prove a cause, so a cause that asks for nothing else can never be found."""
    if not cause.must:
        message = "a cause without facts that must hold can never be told from its symptoms"
        yield _problem(
            runbook, at="facts", message=message, instead="write facts: must: with a mechanism, state or change"
        )
        return
    roles = {known.facts[kind].role for line in cause.must for kind in line.kinds if kind in known.facts}
    if roles and roles <= {FactRole.SYMPTOM, FactRole.CLEARED}:
        message = "only symptoms must hold, and symptoms alone prove nothing"
        yield _problem(runbook, at="facts.must", message=message, instead="add a mechanism, a state or a change")


def _prose(runbook: Runbook) -> Iterator[Problem]:
    for heading in SECTIONS:
        if message := _nothing_said(heading, runbook.section(heading).strip()):
            yield Problem(
                path=runbook.path,
                line=next((s.line for s in runbook.sections if s.heading.casefold() == heading.casefold()), 1),
                field="",
                severity=Severity.WARNING,
                message=message,
                instead=f"write ## {heading} with what a person at 2:47 needs",
            )


def _nothing_said(heading: str, words: str) -> str:
    if words == PROMPTS[heading]:
        return f"section {heading} still holds the draft's own words"
    return f"section {heading} is missing or says almost nothing" if len(words) < THIN_SECTION else ""


def _twins(library: Library) -> Iterator[Problem]:
    """Two causes of one scope that predict exactly the same can never be told apart."""
    seen: dict[object, Cause] = {}
    for cause in library.causes:
        key = (cause.scope, *(frozenset(map(write_alternative, lines)) for lines in _lists(cause).values()))
        other = seen.setdefault(key, cause)
        runbook = library.teaching(cause.slug)
        if other is not cause and runbook:
            message = f"it predicts exactly what {other.slug} predicts, so they cannot be told apart"
            yield _problem(runbook, at="facts", message=message, instead="add what only one of them shows")
