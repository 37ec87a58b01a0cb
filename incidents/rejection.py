"""Decision memory: what a person rejected is not proposed again while the reason holds. Pure.

A rejection holds for the same cause at the same entity, for the same actions, while the targets are as they were,
until a time that the person may set, and until somebody lifts it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from incidents.action import ActionRequest, Fence
from incidents.approval import Person
from incidents.canonical import short
from incidents.ids import CauseSlug, EntityId, IncidentId, PersonId, ProposalDigest
from incidents.proposal import Proposal
from incidents.value import Scalar, Value

SAME_WITHIN = 0.1
"""Figures that differ by at most a tenth are the same suggestion: a limit computed from a peak wanders by that much
between two looks, and nobody rejects 512Mi to be asked about 530Mi."""
_FIGURE = re.compile(r"^\s*(-?\d+(?:\.\d+)?)\s*([A-Za-z%]*)\s*$")


class Hold(StrEnum):
    """How long a rejection stands against the same suggestion."""

    INCIDENT = "incident"
    """In this incident only."""
    DAY = "day"
    MONTH = "month"
    LIFTED = "lifted"
    """Until somebody lifts it."""


LENGTHS = {Hold.DAY: timedelta(days=1), Hold.MONTH: timedelta(days=30)}


class Wish(Value):
    """What the one who rejects wants of later proposals."""

    hold: Hold = Hold.MONTH
    """A month: long enough not to say the same no twice in one rotation, short enough to be asked again some day."""
    another: bool = False
    """To see the next best now."""


class RejectedAction(Value):
    """One action of a rejected proposal, and what its target was then."""

    request: ActionRequest
    fence: Fence
    summary: str


class Lifted(Value):
    """Who allowed it again, when and why."""

    by: PersonId
    at: datetime
    because: str


class Rejection(Value):
    """A proposal that a person rejected, as far as later proposals are concerned."""

    digest: ProposalDigest
    incident: IncidentId
    cause: CauseSlug
    entity: EntityId
    actions: tuple[RejectedAction, ...]
    person: Person
    reason: str
    at: datetime
    wish: Wish = Wish()
    lifted: Lifted | None = None

    @property
    def id(self) -> str:
        """The first digits of the proposal's digest, for people."""
        return short(self.digest, length=12)

    @property
    def what(self) -> str:
        """`Roll checkout back to revision 41`."""
        return "; ".join(action.summary for action in self.actions)

    @property
    def sentence(self) -> str:
        """`rejected by Dana at 2026-11-17 02:55 UTC because the vendor warns of it`."""
        return f"rejected by {self.person.name} at {self.at:%Y-%m-%d %H:%M} UTC because {self.reason.strip()}"

    @property
    def until(self) -> datetime | None:
        """When it ends by itself; None when it does not."""
        length = LENGTHS.get(self.wish.hold)
        return None if length is None else self.at + length

    def active(self, now: datetime, *, incident: IncidentId | None = None) -> bool:
        """Whether it still counts (in this incident, when one is given), whatever became of its targets."""
        here = self.wish.hold is not Hold.INCIDENT or incident in (None, self.incident)
        return here and self.lifted is None and (self.until is None or now < self.until)


class Candidate(Value):
    """An action that could be proposed now, with its target as it is."""

    request: ActionRequest
    fence: Fence


def rejection_of(proposal: Proposal, *, person: Person, reason: str, at: datetime, wish: Wish) -> Rejection:
    """What is remembered of a rejected proposal."""
    body = proposal.body
    return Rejection(
        digest=proposal.digest,
        incident=body.incident,
        cause=body.cause,
        entity=body.entity,
        actions=tuple(
            RejectedAction(request=action.request, fence=action.fence, summary=action.summary)
            for action in body.actions
        ),
        person=person,
        reason=reason,
        at=at,
        wish=wish,
    )


def remembered(
    candidates: Sequence[Candidate],
    rejections: Iterable[Rejection],
    *,
    cause: CauseSlug,
    entity: EntityId,
    incident: IncidentId,
    now: datetime,
) -> Mapping[int, Rejection]:
    """Index of a candidate -> the rejection that stands against it; newest first.

    A rejection of several actions together stands against all of them together, and against none of them alone.
    """
    found: dict[int, Rejection] = {}
    here = (r for r in rejections if (r.cause, r.entity) == (cause, entity))
    standing = [r for r in here if r.active(now, incident=incident)]
    for rejection in sorted(standing, key=lambda r: r.at, reverse=True):
        places = [_place(action, candidates) for action in rejection.actions]
        if all(place is not None for place in places):
            for place in places:
                found.setdefault(place or 0, rejection)
    return found


def _place(rejected: RejectedAction, candidates: Sequence[Candidate]) -> int | None:
    """Where the same action stands among the candidates, its target being as it was."""
    for index, candidate in enumerate(candidates):
        if same_action(rejected.request, candidate.request) and not rejected.fence.differences(candidate.fence):
            return index
    return None


def same_action(one: ActionRequest, other: ActionRequest) -> bool:
    """Whether two requests are the same suggestion: kind, target and arguments, figures to within SAME_WITHIN."""
    if (one.kind, one.target) != (other.kind, other.target) or one.arguments.keys() != other.arguments.keys():
        return False
    return all(_alike(value, other.arguments[name]) for name, value in one.arguments.items())


def _alike(one: Scalar, other: Scalar) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    mine, theirs = _FIGURE.match(str(one)), _FIGURE.match(str(other))
    if mine is None or theirs is None or mine[2] != theirs[2]:
        return str(one) == str(other)
    before, now = float(mine[1]), float(theirs[1])
    return abs(before - now) <= SAME_WITHIN * max(abs(before), abs(now))


def why_not(rejection: Rejection, *, instead: str = "") -> str:
    """The sentence beside what is not proposed: who rejected it, when, why, for how long, and what comes instead."""
    until = "in this incident" if rejection.wish.hold is Hold.INCIDENT else "until somebody lifts it"
    until = f"until {rejection.until:%Y-%m-%d %H:%M} UTC" if rejection.until else until
    text = f"{rejection.sentence} (holds {until}, while the target is unchanged)"
    return f"{text}; {instead}" if instead else text
