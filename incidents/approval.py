"""A named person's decision on one digest, and the pure judgement whether it counts."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from incidents.ids import DecisionId, PersonId, ProposalDigest
from incidents.narrowed import OwnChange
from incidents.policy import Effect, PolicyVerdict
from incidents.proposal import ProposalBody, ProposalStatus
from incidents.quorum import Quorum, approver, quorum
from incidents.scope import Grant, roles_at
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
    """That hold everywhere."""
    grants: tuple[Grant, ...] = ()
    """Roles that hold in a part of the estate."""
    bot: bool = False

    @property
    def roles_text(self) -> str:
        """`oncall, owner (services checkout)`."""
        return ", ".join([*self.roles, *(f"{grant.role} ({grant.text})" for grant in self.grants)]) or "no role"


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
    lacks: tuple[str, ...] = ()
    """Roles of which somebody still has to approve."""


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
        or _not_their_own(body, person, choice=choice, requested_by=requested_by)
        or _not_without_reason(choice, reason)
    )
    if refused is not None:
        return refused
    people = [decision.person for decision in decided if decision.choice is Choice.APPROVE]
    reached = quorum_of(body.policy, [*people, *([person] if choice is Choice.APPROVE else [])])
    needed = reached.approvals + reached.missing
    if choice is Choice.REJECT:
        return Accepted(status=ProposalStatus.REJECTED, approvals=reached.approvals, needed=needed, complete=True)
    after = ProposalStatus.APPROVED if reached.complete else ProposalStatus.PENDING
    return Accepted(
        status=after, approvals=reached.approvals, needed=needed, complete=reached.complete, lacks=reached.lacks
    )


def quorum_of(verdict: PolicyVerdict, people: Sequence[Person]) -> Quorum:
    """How far the approvals of these people have come; a bot's never counts."""
    return quorum(verdict, [approver(one.id, one.roles, one.grants, verdict) for one in people if not one.bot])


def may_change(body: ProposalBody, *, status: ProposalStatus, person: Person, now: datetime) -> Refused | None:
    """What stands against this person narrowing it now; None when nothing does. Who may approve may change."""
    return _not_a_person(person) or _not_open(body, status=status, now=now) or _not_entitled(body, person)


def own_request(body: ProposalBody, person: PersonId, *, requested_by: PersonId | None) -> bool:
    """Whether they asked for exactly this, so that their own approval does not count."""
    if requested_by is not None and same_person(requested_by, person):
        return True
    return changed_by_requester(body) and any(same_person(one.by, person) for one in body.narrowings)


def changed_by_requester(body: ProposalBody) -> bool:
    """Whether policy takes those who narrowed it for its requesters.

    Unless a row says otherwise: where more than one approval is asked. Where one is enough, they could have approved
    all of it alone, and less of it is no new power.
    """
    return bool(body.narrowings) and not own_change_counts(body.policy)


def own_change_counts(verdict: PolicyVerdict) -> bool:
    """Whether the approval of somebody who narrowed a proposal counts under this verdict."""
    match verdict.own_change:
        case OwnChange.NEVER:
            return False
        case OwnChange.ALWAYS:
            return True
        case OwnChange.ALONE:
            return max(verdict.approvals, len(verdict.one_of_each)) <= 1


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
    here = roles_at(person.roles, person.grants, body.policy.places)
    if here & set(body.policy.approvers):
        return None
    roles = " or ".join(body.policy.approvers) or "nobody"
    elsewhere = [grant for grant in person.grants if grant.role in body.policy.approvers]
    if elsewhere and body.policy.places:
        own = "; ".join(f"{grant.role} of {grant.text}" for grant in elsewhere)
        where = " and ".join(place.text for place in body.policy.places)
        why = f"Only {roles} for {where} may decide this; {person.name} is {own}."
    else:
        why = f"Only {roles} may decide this; {person.name} has no such role."
    return Refused(refusal=Refusal.MISSING_ROLE, message=why)


def _not_again(person: Person, *, decided: Sequence[Decision]) -> Refused | None:
    if not any(same_person(decision.person.id, person.id) for decision in decided):
        return None
    return Refused(
        refusal=Refusal.ALREADY_DECIDED, message=f"{person.name} has decided this already; one person counts once."
    )


def _not_their_own(
    body: ProposalBody, person: Person, *, choice: Choice, requested_by: PersonId | None
) -> Refused | None:
    if choice is Choice.REJECT or not own_request(body, person.id, requested_by=requested_by):
        return None
    if any(same_person(narrowing.by, person.id) for narrowing in body.narrowings):
        why = f"{person.name} narrowed this proposal, and policy wants it approved by others: {body.policy.reason}"
        return Refused(refusal=Refusal.OWN_REQUEST, message=why)
    return Refused(
        refusal=Refusal.OWN_REQUEST, message=f"{person.name} asked for this change: somebody else has to approve it."
    )


def _not_without_reason(choice: Choice, reason: str) -> Refused | None:
    if choice is Choice.APPROVE or reason.strip():
        return None
    return Refused(refusal=Refusal.REASON_NEEDED, message="Say why it is rejected: the next proposal learns from it.")
