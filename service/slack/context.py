"""What the Slack side of a process works with. It holds no write credentials and can reach no action."""

from dataclasses import dataclass, field

from orchestrator.people import Directory
from orchestrator.settings import Settings
from orchestrator.slack_settings import Slack
from orchestrator.store.database import Store
from tools.clock import Clock
from tools.slack.client import SlackClient


@dataclass(frozen=True, kw_only=True)
class SlackContext:
    """One process. The caller opens and closes the store."""

    store: Store
    settings: Settings
    clock: Clock
    console: str
    """Base of links that people open, without a slash at the end."""
    directory: Directory = field(init=False)
    client: SlackClient = field(init=False)

    def __post_init__(self) -> None:
        """Client and people follow from the settings. Raises ValueError without a bot token."""
        token = self.slack.bot_token
        if token is None:
            raise ValueError("Slack has no bot token: see docs/slack.md")
        object.__setattr__(self, "directory", Directory.of(self.settings))
        client = SlackClient(token=token.get_secret_value(), api_url=self.slack.api_url)
        object.__setattr__(self, "client", client)

    @property
    def slack(self) -> Slack:
        """The settings of Slack."""
        return self.settings.slack

    def page(self, incident: str) -> str:
        """Where an incident is looked at closer."""
        return f"{self.console}/incidents/{incident}"
