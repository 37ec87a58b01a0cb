"""What a model was told and what it said, what that cost, and how it ended: kept with the incident and shown."""

from enum import StrEnum

from pydantic import Field

from incidents.value import Value

TEXT_LIMIT = 16_000
"""Characters of one message that are kept."""


class Ending(StrEnum):
    """How an argument of the model ended."""

    ACCEPTED = "accepted"
    REPAIRED = "repaired"
    """Accepted after its mistakes were pointed out once."""
    INVALID = "invalid"
    """Its answer did not hold, twice."""
    OVER_BUDGET = "over_budget"
    TIMED_OUT = "timed_out"
    UNAVAILABLE = "unavailable"
    """The provider could not be reached, refused, or broke."""
    NOT_ASKED = "not_asked"
    """Nothing hurts, so there is nothing to explain."""


class Message(Value):
    """One message of the conversation, redacted and bounded."""

    role: str
    """`system`, `human`, `ai`, `tool`."""
    text: str
    tools: tuple[str, ...] = ()
    """Names of the tools that it calls, or whose answer it is."""


class ModelRecord(Value):
    """One conversation."""

    model: str
    """`provider:model`."""
    ending: Ending
    calls: int = Field(default=0, ge=0)
    tool_calls: int = Field(default=0, ge=0)
    tokens_in: int = Field(default=0, ge=0)
    tokens_out: int = Field(default=0, ge=0)
    usd: float = Field(default=0.0, ge=0)
    seconds: float = Field(default=0.0, ge=0)
    problems: tuple[str, ...] = ()
    """What was wrong with its last answer, or why there was none."""
    suggested_actions: tuple[str, ...] = ()
    """Kinds of actions that it would take, out of those that runbooks name. Shown; the planner decides by itself."""
    messages: tuple[Message, ...] = ()

    @property
    def cost(self) -> str:
        """`4 calls, 12,300 tokens, 0.02 $`: what a replay costs again. The seconds stand by themselves."""
        money = f", {self.usd:.2f} $" if self.usd else ""
        return f"{self.calls} calls, {self.tokens_in + self.tokens_out:,} tokens{money}"
