"""Whether enough of the right people approved: different humans, whose roles hold where the change acts."""

from collections.abc import Sequence

from incidents.policy import PolicyVerdict
from incidents.scope import Grant, roles_at
from incidents.value import Value


class Approver(Value):
    """One person's approval, reduced to what a quorum looks at."""

    key: str
    """The person: the same human has the same key."""
    roles: frozenset[str]
    """That hold at every place of the change."""


class Quorum(Value):
    """How far the approvals have come."""

    approvals: int
    """People that count."""
    missing: int
    """People that are still needed at least."""
    lacks: tuple[str, ...] = ()
    """Roles of which somebody still has to be among them."""

    @property
    def complete(self) -> bool:
        """Whether nobody else is needed."""
        return self.missing == 0


def quorum(verdict: PolicyVerdict, approvers: Sequence[Approver]) -> Quorum:
    """How far these approvals have come. Somebody without a role that the verdict names does not count."""
    counted = {one.key: one for one in approvers if one.roles & set(verdict.approvers)}
    people = list(counted.values())
    lacks = _unfilled(verdict.one_of_each, people)
    missing = max(max(verdict.approvals, 1) - len(people), len(lacks))
    return Quorum(approvals=len(people), missing=missing, lacks=lacks)


def approver(key: str, roles: Sequence[str], grants: Sequence[Grant], verdict: PolicyVerdict) -> Approver:
    """A person as an approver of a change."""
    return Approver(key=key.strip().casefold(), roles=roles_at(roles, grants, verdict.places))


def _unfilled(roles: Sequence[str], people: Sequence[Approver]) -> tuple[str, ...]:
    """The roles that stay empty when each person stands for one at most (Kuhn's matching)."""
    stands: dict[str, str] = {}

    def fill(role: str, tried: set[str]) -> bool:
        for person in people:
            if role in person.roles and person.key not in tried:
                tried.add(person.key)
                if person.key not in stands or fill(stands[person.key], tried):
                    stands[person.key] = role
                    return True
        return False

    return tuple(role for role in roles if not fill(role, set()))
