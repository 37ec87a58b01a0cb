"""A named person's decision on one digest, and the pure judgement whether it counts."""

from datetime import datetime
from enum import StrEnum

from incidents.ids import DecisionId, PersonId, ProposalDigest
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

    approvals: int
    needed: int
    complete: bool
    """Whether the proposal is decided now (quorum reached, or rejected)."""


class Refused(Value):
    """The decision does not count."""

    refusal: Refusal
    message: str
    """What to tell the person: what is wrong and who could do it."""
