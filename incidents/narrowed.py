"""What people made of a proposal before anybody approved it: who narrowed it, from what to what. Sealed with it.

The rule that says what is narrower is `incidents.narrowing`.
"""

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from incidents.ids import PersonId, ProposalDigest
from incidents.value import Value


class OwnChange(StrEnum):
    """Whether somebody who narrowed a proposal may approve it; a row of the policy says so."""

    ALONE = "alone"
    """Where one approval is enough: they could have approved all of it alone, so also less of it."""
    ALWAYS = "always"
    """Their approval counts like anybody's."""
    NEVER = "never"
    """They asked for it: others have to approve."""


class Difference(Value):
    """One thing that was narrowed."""

    step: int | None = Field(default=None, ge=1)
    """Number of the action in the proposal before; None for what belongs to all of it."""
    what: str
    """`replicas of checkout`, `expires`, `watched for`."""
    before: str
    after: str

    @property
    def text(self) -> str:
        """`replicas of checkout 12 -> 8`."""
        return f"{self.what} {self.before} -> {self.after}" if self.after else f"{self.what} {self.before}"


class Narrowing(Value):
    """One person's change of one proposal."""

    of: ProposalDigest
    """The proposal before it, which cannot be approved any more."""
    by: PersonId
    name: str
    at: datetime
    differences: tuple[Difference, ...] = Field(min_length=1)

    @property
    def text(self) -> str:
        """`narrowed by Dana: replicas of checkout 12 -> 8`."""
        return f"narrowed by {self.name}: {'; '.join(one.text for one in self.differences)}"
