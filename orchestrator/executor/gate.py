"""Whether an approved proposal may run now.

Pure; the executor asks right before every action, with what it read itself.
"""

from collections.abc import Sequence
from datetime import datetime

from incidents.approval import Choice, Decision, own_request, quorum_of
from incidents.execution import ExecutionStatus
from incidents.ids import Digest, PersonId
from incidents.narrowing import widened
from incidents.policy import Effect, PolicyVerdict
from incidents.proposal import Proposal, ProposalBody, ProposalStatus

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
    ruling: PolicyVerdict | None = None,
    requested_by: PersonId | None = None,
) -> str | None:
    """Why it must not run, in words for people; None when nothing stands against it. Fails closed.

    `started` says that an earlier action of it ran already: then its expiry no longer stops the rest, nor does a
    freeze, limit or changed policy, because half a change is worse than a whole one. `ruling` is what the whole policy
    says of it now, with what others used. The approval of who asked for it (`requested_by`) does not count.
    """
    body = proposal.body
    decisions = [one for one in decisions if not _own(one, body, requested_by)]
    if not proposal.intact:
        return TAMPERED
    if paused:
        return PAUSED
    if status is not ProposalStatus.APPROVED:
        return f"it is {status}, not approved"
    if body.policy.effect is Effect.DENY:
        return f"policy denies it: {body.policy.reason}"
    if not started and body.policy.version != (ruling.version if ruling else policy):
        return "the policy changed since it was proposed"
    if not started and now >= body.expires_at:
        return f"it expired at {body.expires_at:%H:%M:%S} UTC"
    if not started and ruling is not None and (reason := _ruled_out(body.policy, ruling, decisions)):
        return reason
    return _quorum(proposal, decisions)


def _own(decision: Decision, body: ProposalBody, requested_by: PersonId | None) -> bool:
    asked = own_request(body, decision.person.id, requested_by=requested_by)
    return decision.choice is Choice.APPROVE and asked


def _ruled_out(sealed: PolicyVerdict, ruling: PolicyVerdict, decisions: Sequence[Decision]) -> str | None:
    """What policy has against it by now: a freeze that began, a limit or pre-approval that is used up."""
    if ruling.effect is Effect.DENY:
        return f"policy denies it now: {ruling.reason}"
    if sealed.effect is Effect.ALLOW:
        if ruling.effect is not Effect.ALLOW:
            return f"its pre-approval does not hold any more: {ruling.reason}"
        return _other_preapproval(sealed, ruling)
    if ruling.effect is Effect.ASK and (short := _short_of(ruling, decisions)):
        return f"policy asks for more by now: {short} ({ruling.reason})"
    return None


def _other_preapproval(sealed: PolicyVerdict, ruling: PolicyVerdict) -> str | None:
    """What is used is what was sealed: another one that would do as well was written for something else."""
    missing = sorted({one.name for one in sealed.preapprovals} - {one.name for one in ruling.preapprovals})
    return f"its pre-approval {', '.join(missing)} does not hold any more: {ruling.reason}" if missing else None


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
    return _short_of(proposal.body.policy, own) if proposal.body.policy.effect is Effect.ASK else None


def _short_of(verdict: PolicyVerdict, decisions: Sequence[Decision]) -> str | None:
    people = [decision.person for decision in decisions if decision.choice is Choice.APPROVE]
    reached = quorum_of(verdict, people)
    if reached.complete:
        return None
    lacks = f"; nobody of {' and '.join(reached.lacks)} is among them" if reached.lacks else ""
    return f"it has {reached.approvals} of {reached.approvals + reached.missing} approvals{lacks}"


def wider(proposal: Proposal, before: Sequence[Proposal]) -> str | None:
    """Why it is not what Midwatch proposed, or less of it; None when it is. `before` are the proposals it was made of.

    An argument that a person chose counts because it lies between what the inventory says and what was proposed.
    """
    chain = [narrowing.of for narrowing in proposal.body.narrowings]
    if [one.digest for one in before] != chain or any(not one.intact for one in before):
        return "the proposals that it was narrowed from are not on record as they were"
    if before and before[0].body.narrowings:
        return "the first proposal that it was narrowed from is not Midwatch's own"
    reasons = [reason for one in before for reason in widened(one.body, proposal.body)]
    return f"it is wider than what was proposed: {'; '.join(dict.fromkeys(reasons))}" if reasons else None


def refused_actions(proposal: Proposal) -> str | None:
    """Why its previews forbid it: a change that the target system would not take is never run."""
    for action in proposal.body.actions:
        if not action.preview.accepted:
            return f"{action.summary}: {action.preview.refusal or 'the target system refused the preview'}"
    return None
