"""What the web needs from the process around it. It holds no write credentials and can reach no action."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from agents.runbooks.library import Library
from agents.runbooks.problem import Problem
from incidents.approval import Person
from orchestrator.people import Directory
from orchestrator.policy.force import PolicyInForce
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from service.web.identity import Identities
from service.web.oidc import Provider
from tools.clock import Clock


@dataclass(frozen=True, kw_only=True)
class WebContext:
    """One web process. The caller opens and closes the store."""

    store: Store
    settings: Settings
    clock: Clock
    library: Callable[[], Library] = Library
    """The runbooks of the moment; called for every page that shows them."""
    runbook_problems: Callable[[], tuple[Problem, ...]] = tuple
    """What was wrong when their files were last read."""
    policies: PolicyInForce | None = None
    """What this process decides by, and why it is not what the files say; None where nobody watches them."""
    version: str = "0.1.0"
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set it before the server is told to stop: open event streams end at once then."""
    identities: Identities = field(init=False)
    provider: Provider | None = field(init=False)
    """The identity provider, when one is configured."""

    def __post_init__(self) -> None:
        """Everything about identity follows from the settings."""
        given = self.settings.session_secret
        secret = given.get_secret_value() if given else secrets.token_hex(32)
        directory = Directory.of(self.settings)
        object.__setattr__(self, "identities", Identities(secret=secret, directory=directory))
        oidc = self.settings.oidc
        callback = f"{self.base_url}/sign-in/oidc/callback"
        object.__setattr__(self, "provider", Provider(oidc, redirect_uri=callback) if oidc.issuer else None)

    @property
    def base_url(self) -> str:
        """Base of links that people open, without a slash at the end."""
        listen = self.settings.listen
        return (listen.public_url or f"http://{listen.host}:{listen.port}").rstrip("/")

    @property
    def policy_problem(self) -> str:
        """Why what the policy's files say is not in force; empty when it is."""
        return self.policies.problem if self.policies else ""

    def sign_in_path(self, person: Person) -> str:
        """Path of a link that signs this person in once, within ten minutes: what the demo prints."""
        return f"/sign-in?token={self.identities.one_time_code(person)}"
