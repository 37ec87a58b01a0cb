"""Whether an approved proposal may run now.

Pure; the executor asks right before every action, with what it read itself.
"""

from collections.abc import Sequence
from datetime import datetime

from incidents.approval import Choice, Decision
from incidents.execution import ExecutionStatus
from incidents.ids import Digest
from incidents.policy import Effect
from incidents.proposal import Proposal, ProposalStatus

TAMPERED = "its digest is not that of its content: it was changed after it was sealed"
PAUSED = "Midwatch is paused: nothing is executed until somebody resumes it"


def objection(  # noqa: PLR0911 - one line per guard reads better than one expression
    proposal: Proposal,
    *,
    status: ProposalStatus,
    decisions: Sequence[Decision],
    policy: Digest,
    paused: bool,
    now: datetime,
    started: bool = False,
) -> str | None:
    """Why it must not run, in words for people; None when nothing stands against it. Fails closed.

    `started` says that an earlier action of it ran already: then its expiry no longer stops the rest.
    """
    body = proposal.body
    if not proposal.intact:
        return TAMPERED
    if paused:
        return PAUSED
    if status is not ProposalStatus.APPROVED:
        return f"it is {status}, not approved"
    if body.policy.effect is Effect.DENY:
        return f"policy denies it: {body.policy.reason}"
    if body.policy.version != policy:
        return "the policy changed since it was proposed"
    if not started and now >= body.expires_at:
        return f"it expired at {body.expires_at:%H:%M:%S} UTC"
    return _quorum(proposal, decisions)


def undo_objection(
    proposal: Proposal, *, done: ExecutionStatus | None, decisions: Sequence[Decision], paused: bool
) -> str | None:
    """Why an action must not be taken back; None when nothing stands against it. `done` is how the action itself ended.

    The approval covers the undo, so policy and expiry are not asked again: a change that hurts is taken back late too.
    """
    if not proposal.intact:
        return TAMPERED
    if paused:
        return PAUSED
    if done is not ExecutionStatus.SUCCEEDED:
        return f"there is nothing to take back: the action itself is {done or 'not there'}"
    return _quorum(proposal, decisions)


def _quorum(proposal: Proposal, decisions: Sequence[Decision]) -> str | None:
    own = [decision for decision in decisions if decision.digest == proposal.digest]
    if any(decision.choice is Choice.REJECT for decision in own):
        return "somebody rejected it"
    people = {decision.person.id for decision in own if decision.choice is Choice.APPROVE and not decision.person.bot}
    needed = proposal.body.policy.approvals
    if proposal.body.policy.effect is Effect.ASK and len(people) < max(needed, 1):
        return f"it has {len(people)} of {max(needed, 1)} approvals"
    return None


def refused_actions(proposal: Proposal) -> str | None:
    """Why its previews forbid it: a change that the target system would not take is never run."""
    for action in proposal.body.actions:
        if not action.preview.accepted:
            return f"{action.summary}: {action.preview.refusal or 'the target system refused the preview'}"
    return None
