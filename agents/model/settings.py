"""What the model engine has to be told: which model, where, and what it may use up. LangChain is not imported here."""

from typing import Protocol

from pydantic import Field, SecretStr

from incidents.value import Value


class ModelSettings(Protocol):
    """The part of the product's settings that is about the model."""

    @property
    def name(self) -> str:
        """`provider:model`; empty: no model."""
        ...

    @property
    def base_url(self) -> str:
        """Where it is served; empty: the provider's own place."""
        ...

    @property
    def api_key(self) -> SecretStr | None:
        """None: the provider's own environment variable."""
        ...

    @property
    def temperature(self) -> float:
        """0 for answers that repeat."""
        ...

    @property
    def timeout_seconds(self) -> float:
        """For the whole argument."""
        ...

    @property
    def max_calls(self) -> int:
        """Calls of the model per argument."""
        ...

    @property
    def max_tokens(self) -> int:
        """Tokens in and out per argument."""
        ...

    @property
    def max_usd(self) -> float:
        """Money per argument; counted only where prices are given."""
        ...

    @property
    def usd_per_million_in(self) -> float:
        """Price of a million tokens of prompt."""
        ...

    @property
    def usd_per_million_out(self) -> float:
        """Price of a million tokens of answer."""
        ...


class ModelBudget(Value):
    """What one argument may use. Whatever runs out first ends it, and the rule engine's answer stands."""

    seconds: float = Field(default=60.0, gt=0)
    calls: int = Field(default=30, ge=1)
    tokens: int = Field(default=200_000, ge=1)
    usd: float = Field(default=1.0, ge=0)
    tool_calls: int = Field(default=20, ge=0)
    """Questions to the estate."""

    @classmethod
    def of(cls, settings: ModelSettings) -> "ModelBudget":
        """From the settings."""
        return cls(
            seconds=settings.timeout_seconds,
            calls=settings.max_calls,
            tokens=settings.max_tokens,
            usd=settings.max_usd,
            tool_calls=min(settings.max_calls, 20),
        )


class Prices(Value):
    """Money per million tokens, in US dollars. Zero: not known, and money is not counted."""

    usd_in: float = Field(default=0.0, ge=0)
    usd_out: float = Field(default=0.0, ge=0)

    def usd(self, *, tokens_in: int, tokens_out: int) -> float:
        """What that many tokens cost."""
        return (tokens_in * self.usd_in + tokens_out * self.usd_out) / 1_000_000
