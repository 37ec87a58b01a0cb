"""The content of the card that a person decides on, as words: made from the sealed proposal and nothing else.

The console, Slack and the terminal lay it out in their own ways; this is what all of them have to say. The ledger keeps
it with the decision, so that later nobody has to guess what was known to the one who approved.
"""

from collections.abc import Iterator

from incidents.action import FieldChange, name_of
from incidents.canonical import digest_of
from incidents.ids import Digest, ProposalDigest
from incidents.policy import Effect
from incidents.proposal import Proposal, ProposalBody, ProposedAction
from incidents.value import Value
from incidents.verification import CheckRole

VERSION = 2
"""Counts up when the same proposal would be told otherwise."""


class CardLine(Value):
    """One line: what it is about, and what it says."""

    label: str
    text: str


class Card(Value):
    """What stands on the card."""

    version: int = VERSION
    proposal: ProposalDigest
    title: str
    lines: tuple[CardLine, ...]

    @property
    def digest(self) -> Digest:
        """Of the content, so that two cards can be compared."""
        return digest_of(self)


def card_of(proposal: Proposal) -> Card:
    """The card of a sealed proposal."""
    body = proposal.body
    lines = [CardLine(label=label, text=text) for label, text in _lines(body) if text]
    title = "; ".join(action.summary for action in body.actions)
    return Card(proposal=proposal.digest, title=title, lines=tuple(lines))


def _lines(body: ProposalBody) -> Iterator[tuple[str, str]]:
    yield "Cause", f"{body.cause.replace('_', ' ')} at {name_of(body.entity)} ({body.confidence:.0%} sure)"
    for number, action in enumerate(body.actions, start=1):
        prefix = f"{number}. " if len(body.actions) > 1 else ""
        yield from ((prefix + label, text) for label, text in _action(action))
    if body.rehearsal is not None:
        yield "Twin", body.rehearsal.summary
        yield "Twin is built from", "; ".join(body.rehearsal.built_from)
        yield "Twin takes for granted", "; ".join(body.rehearsal.assumes)
        yield "Clone", body.rehearsal.clone
        yield "Foreseen", "; ".join(figure.text for figure in body.rehearsal.figures)
        yield "Not foreseen", "; ".join(body.rehearsal.not_foreseen)
    yield "Counts as fixed", _checks(body, CheckRole.SUCCESS)
    yield "Must not worsen", _checks(body, CheckRole.GUARD)
    yield "Watched for", f"{body.watch_seconds} s"
    cost = body.cost
    yield "Cost", f"{cost.usd_per_hour:+.2f} $/h" if cost.usd_per_hour is not None else f"unknown ({cost.basis})"
    yield "Risk", body.risk.value
    yield from (("Narrowed", one.text) for one in body.narrowings)
    yield "Policy", _policy(body)
    yield "Decide by", f"{body.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    for other in body.alternatives:
        yield "Not proposed", f"{other.request.kind} of {name_of(other.request.target)}: {other.because}"
    yield "Evidence", ", ".join(body.evidence)


def _action(action: ProposedAction) -> Iterator[tuple[str, str]]:
    yield "Change", action.summary
    yield "Target", action.request.target
    yield "Arguments", ", ".join(f"{name} = {value}" for name, value in action.request.arguments.items())
    for change in action.preview.diff:
        yield "Difference", _difference(change)
    for bound in action.bounds:
        yield "May be narrowed", f"{bound.argument}: {bound.text}"
    preview = action.preview
    yield "Rehearsed", f"{preview.by}: {'accepted' if preview.accepted else f'refused: {preview.refusal}'}"
    for warning in preview.warnings:
        yield "Warning", warning
    yield "Reaches", action.blast_radius.summary
    yield "Undo", f"{action.undo} ({action.reversibility.value})"


def _difference(change: FieldChange) -> str:
    before = "not set" if change.before is None else change.before
    after = "not set" if change.after is None else change.after
    return f"{change.path}: {before} -> {after}"


def _checks(body: ProposalBody, role: CheckRole) -> str:
    return "; ".join(check.text for check in body.checks if check.role is role)


def _policy(body: ProposalBody) -> str:
    policy = body.policy
    match policy.effect:
        case Effect.ASK:
            who = " or ".join(policy.approvers) or "nobody"
            return f"{max(1, policy.approvals)} of {who} ({policy.rule}: {policy.reason})"
        case Effect.ALLOW:
            return f"runs without a click ({policy.rule}: {policy.reason})"
        case Effect.DENY:
            return f"not allowed ({policy.rule}: {policy.reason})"
