"""A named person's decision on one digest, and the pure judgement whether it counts."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from incidents.ids import DecisionId, PersonId, ProposalDigest
from incidents.policy import Effect
from incidents.proposal import ProposalBody, ProposalStatus
from incidents.value import Value


class Channel(StrEnum):
    """Through which door a decision came."""

    CONSOLE = "console"
    API = "api"
    SLACK = "slack"
    PREAPPROVAL = "preapproval"


class Person(Value):
    """A human identity as the server established it, never as a message claims it."""

    id: PersonId
    name: str
    roles: tuple[str, ...] = ()
    bot: bool = False


class Choice(StrEnum):
    """What was decided."""

    APPROVE = "approve"
    REJECT = "reject"


class Decision(Value):
    """One person's choice about one digest."""

    id: DecisionId
    digest: ProposalDigest
    person: Person
    choice: Choice
    reason: str = ""
    at: datetime
    channel: Channel


class Refusal(StrEnum):
    """Why a click does not count; each is shown to the clicker alone and recorded."""

    UNKNOWN_PROPOSAL = "unknown_proposal"
    NOT_PENDING = "not_pending"
    EXPIRED = "expired"
    BOT = "bot"
    OWN_REQUEST = "own_request"
    MISSING_ROLE = "missing_role"
    ALREADY_DECIDED = "already_decided"
    """The same person again: one person counts once."""
    POLICY_DENIES = "policy_denies"
    REASON_NEEDED = "reason_needed"


class Accepted(Value):
    """The decision counts; `status` is where the proposal stands after it."""

    status: ProposalStatus
    approvals: int
    needed: int
    complete: bool
    """Whether the proposal is decided now (quorum reached, or rejected)."""


class Refused(Value):
    """The decision does not count."""

    refusal: Refusal
    message: str
    """What to tell the person: what is wrong and who could do it."""


def judge(
    body: ProposalBody,
    *,
    status: ProposalStatus,
    decided: Sequence[Decision],
    requested_by: PersonId | None,
    person: Person,
    choice: Choice,
    reason: str,
    now: datetime,
) -> Accepted | Refused:
    """Whether this person's choice counts now. Fails closed: the first thing that speaks against it is the answer."""
    refused = (
        _not_a_person(person)
        or _not_open(body, status=status, now=now)
        or _not_entitled(body, person)
        or _not_again(person, decided=decided)
        or _not_their_own(person, choice=choice, requested_by=requested_by)
        or _not_without_reason(choice, reason)
    )
    if refused is not None:
        return refused
    needed = max(1, body.policy.approvals)
    approvals = sum(1 for decision in decided if decision.choice is Choice.APPROVE) + (choice is Choice.APPROVE)
    if choice is Choice.REJECT:
        return Accepted(status=ProposalStatus.REJECTED, approvals=approvals, needed=needed, complete=True)
    after = ProposalStatus.APPROVED if approvals >= needed else ProposalStatus.PENDING
    return Accepted(status=after, approvals=approvals, needed=needed, complete=after is ProposalStatus.APPROVED)


def same_person(one: PersonId, other: PersonId) -> bool:
    """Whether two ids are the same human: e-mail addresses differ in case only by accident."""
    return one.strip().casefold() == other.strip().casefold()


def _not_a_person(person: Person) -> Refused | None:
    if not person.bot:
        return None
    return Refused(refusal=Refusal.BOT, message="A bot cannot decide: a person has to.")


def _not_open(body: ProposalBody, *, status: ProposalStatus, now: datetime) -> Refused | None:
    if status is ProposalStatus.DENIED or body.policy.effect is Effect.DENY:
        return Refused(refusal=Refusal.POLICY_DENIES, message=f"Policy does not allow this: {body.policy.reason}")
    if status is not ProposalStatus.PENDING:
        return Refused(
            refusal=Refusal.NOT_PENDING, message=f"This proposal is {status} already: nothing is left to decide."
        )
    if now >= body.expires_at:
        message = f"This proposal expired at {body.expires_at:%H:%M:%S} UTC: ask for a fresh one."
        return Refused(refusal=Refusal.EXPIRED, message=message)
    return None


def _not_entitled(body: ProposalBody, person: Person) -> Refused | None:
    if set(person.roles) & set(body.policy.approvers):
        return None
    roles = " or ".join(body.policy.approvers) or "nobody"
    return Refused(
        refusal=Refusal.MISSING_ROLE, message=f"Only {roles} may decide this; {person.name} has no such role."
    )


def _not_again(person: Person, *, decided: Sequence[Decision]) -> Refused | None:
    if not any(same_person(decision.person.id, person.id) for decision in decided):
        return None
    return Refused(
        refusal=Refusal.ALREADY_DECIDED, message=f"{person.name} has decided this already; one person counts once."
    )


def _not_their_own(person: Person, *, choice: Choice, requested_by: PersonId | None) -> Refused | None:
    if choice is Choice.REJECT or requested_by is None or not same_person(requested_by, person.id):
        return None
    return Refused(
        refusal=Refusal.OWN_REQUEST, message=f"{person.name} asked for this change: somebody else has to approve it."
    )


def _not_without_reason(choice: Choice, reason: str) -> Refused | None:
    if choice is Choice.APPROVE or reason.strip():
        return None
    return Refused(refusal=Refusal.REASON_NEEDED, message="Say why it is rejected: the next proposal learns from it.")
