"""The settings of signing in with an identity provider (OpenID Connect)."""

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from orchestrator.part import Part
from tools.address import AskedUrl

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Oidc(Part):
    """The provider. Without an issuer people sign in with tokens only."""

    issuer: AskedUrl = ""
    """As the provider writes it, for example `https://login.example.com`."""
    client_id: str = ""
    client_secret: SecretStr | None = None
    """Empty for a public client; PKCE is used either way."""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    groups_claim: str = "groups"
    """The claim of the ID token that lists the person's groups."""
    label: str = "single sign-on"
    """What the button says after `Sign in with`."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)

    @field_validator("issuer")
    @classmethod
    def _is_safe(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        if issuer and parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            message = "write the issuer with https:// (http:// only for this machine)"
            raise ValueError(message)
        return issuer

    @model_validator(mode="after")
    def _is_complete(self) -> "Oidc":
        if self.issuer and not self.client_id:
            message = "client_id is missing: register Midwatch there, with <public_url>/sign-in/oidc/callback"
            raise ValueError(message)
        if "openid" not in self.scopes:
            message = "scopes must hold openid"
            raise ValueError(message)
        return self
