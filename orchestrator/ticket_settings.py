"""The settings of tickets: where they are filed, with which credentials, and whether by themselves."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from incidents.ticket import Target
from orchestrator.part import Part
from tools.estate import Endpoint

SHORTEST_SECRET = 16


class Tickets(Part):
    """Where post-mortems are filed as tickets. Without `github` and `webhook` nowhere."""

    github: Endpoint | None = None
    """GitHub's API with a token that may write issues of `repository`; it needs nothing else."""
    repository: str = Field(default="", pattern=r"^([\w.-]+/[\w.-]+)?$")
    """owner/name."""
    labels: tuple[str, ...] = ("incident",)
    webhook: Endpoint | None = None
    """Takes the ticket as JSON by POST: Jira, Linear or anything else behind a few lines of your own."""
    secret: SecretStr | None = None
    """Signs what is sent to `webhook` (HMAC-SHA256, header X-Midwatch-Signature)."""
    automatic: bool = False
    """File a ticket for every post-mortem as soon as it is drafted."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.github is None) != (not self.repository):
            message = "github and repository belong together: the API's address with a token, and owner/name"
            raise ValueError(message)
        short = self.secret is not None and len(self.secret.get_secret_value()) < SHORTEST_SECRET
        if self.webhook is not None and (self.secret is None or short):
            message = f"secret: the webhook is signed with one of at least {SHORTEST_SECRET} characters"
            raise ValueError(message)
        return self

    @property
    def targets(self) -> tuple[Target, ...]:
        """Where tickets can be filed."""
        found = [Target.GITHUB] if self.github else []
        return (*found, *([Target.WEBHOOK] if self.webhook else []))

    def place(self, target: Target) -> str:
        """How people call where a target's tickets go."""
        if target is Target.GITHUB:
            return self.repository
        return self.webhook.url.partition("://")[2].partition("/")[0] if self.webhook else ""
