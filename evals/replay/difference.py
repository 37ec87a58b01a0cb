"""What is different between an incident as it was handled and its replay, in lines that a person reads."""

from collections.abc import Iterator, Mapping

from evals.replay.replay import Replayed
from incidents.canonical import canonical
from incidents.diagnosis import Diagnosis, Hypothesis
from incidents.ids import CauseSlug, EntityId
from incidents.proposal import Proposal
from incidents.value import Value
from orchestrator.exporting import Export
from orchestrator.proposing import NothingToPropose

MENTIONED = 0.05
"""Hypotheses below this on both sides are left out: nobody decides by them."""


class Difference(Value):
    """One line: what it is about, how it was, how it is now."""

    about: str
    before: str
    after: str


def differences(export: Export, again: Replayed) -> tuple[Difference, ...]:
    """Everything that is different; empty when the replay agrees to the bit."""
    before = export.diagnoses[-1] if export.diagnoses else None
    found = [*_argued(before, again.diagnosis), *_proposed(export.proposal, again.proposal)]
    if not found and before is not None and canonical(before) != canonical(again.diagnosis):
        found.append(Difference(about="wording of the argument", before="as recorded", after="other words or order"))
    return tuple(found)


def _argued(before: Diagnosis | None, now: Diagnosis) -> Iterator[Difference]:
    if before is None:
        yield Difference(about="diagnosis", before="there was none", after=now.reason)
        return
    if before.verdict is not now.verdict:
        yield Difference(about="verdict", before=before.verdict, after=now.verdict)
    if before.round != now.round:
        yield Difference(about="rounds of questions", before=str(before.round), after=str(now.round))
    was, are = _by_cause(before), _by_cause(now)
    for key in sorted({*was, *are}, key=lambda key: (-max(_chance(was, key), _chance(are, key)), key)):
        if _said(was, key) != _said(are, key) and max(_chance(was, key), _chance(are, key)) >= MENTIONED:
            cause, entity = key
            about = f"{cause} at {entity.split('/', 1)[-1]}"
            yield Difference(about=about, before=_said(was, key), after=_said(are, key))


def _by_cause(diagnosis: Diagnosis) -> Mapping[tuple[CauseSlug, EntityId], Hypothesis]:
    return {(hypothesis.cause, hypothesis.entity): hypothesis for hypothesis in diagnosis.hypotheses}


def _chance(known: Mapping[tuple[CauseSlug, EntityId], Hypothesis], key: tuple[CauseSlug, EntityId]) -> float:
    return known[key].probability if key in known else 0.0


def _said(known: Mapping[tuple[CauseSlug, EntityId], Hypothesis], key: tuple[CauseSlug, EntityId]) -> str:
    return f"{known[key].probability:.1%}" if key in known else "not considered"


def _proposed(before: Proposal | None, now: Proposal | NothingToPropose) -> Iterator[Difference]:
    actions = _actions(before), _actions(now)
    if actions[0] != actions[1]:
        yield Difference(about="proposal", before=actions[0], after=actions[1])
    if isinstance(before, Proposal) and isinstance(now, Proposal):
        policies = _policy(before), _policy(now)
        if policies[0] != policies[1]:
            yield Difference(about="policy", before=policies[0], after=policies[1])
        if actions[0] == actions[1] and policies[0] == policies[1] and before.digest != now.digest:
            fields = [
                name for name in type(before.body).model_fields if getattr(before.body, name) != getattr(now.body, name)
            ]
            yield Difference(about=f"proposal: {', '.join(fields)}", before=before.digest[:19], after=now.digest[:19])


def _actions(proposal: Proposal | NothingToPropose | None) -> str:
    match proposal:
        case Proposal():
            return "; ".join(
                f"{a.request.kind} {a.request.target.split('/', 1)[-1]}{_arguments(a.request.arguments)}"
                for a in proposal.body.actions
            )
        case NothingToPropose():
            return f"nothing ({proposal.why})"
        case None:
            return "nothing"


def _arguments(arguments: Mapping[str, object]) -> str:
    return f" ({', '.join(f'{name} {value}' for name, value in sorted(arguments.items()))})" if arguments else ""


def _policy(proposal: Proposal) -> str:
    return f"{proposal.body.policy.effect}: {proposal.body.policy.reason}"
