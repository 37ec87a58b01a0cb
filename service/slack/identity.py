"""Who clicked, as the server establishes it: Slack's user id, and for people without one the e-mail of their profile.

Slack vouches for the user id of an interaction; names and e-mails that a message claims are never looked at.
"""

import asyncio
import time
from dataclasses import dataclass, field

from incidents.approval import Person
from incidents.ids import PersonId
from orchestrator.people import Directory
from service.slack.mrkdwn import bare
from tools.errors import ToolError
from tools.slack.client import Profile, SlackClient

PATIENCE_SECONDS = 1.5
"""A click has to be acknowledged within three seconds, whatever Slack's own answer takes."""
REMEMBER_SECONDS = 300.0
"""A profile is asked for again after that long."""


@dataclass(kw_only=True)
class Identities:
    """Turns Slack users into people."""

    client: SlackClient
    directory: Directory
    _profiles: dict[str, tuple[float, Profile]] = field(default_factory=dict)

    async def person(self, user: str) -> Person:
        """Who that is. Somebody whom the directory does not know has no role and can decide nothing."""
        if found := self.directory.by_slack(user):
            return found
        profile = await self._profile(user)
        stranger = Person(id=PersonId(f"slack:{user}"), name=bare(profile.name, most=80) if profile else user)
        if profile is None:
            return stranger
        if profile.bot:
            return stranger.model_copy(update={"bot": True})
        if profile.outsider:
            return stranger
        return self.directory.by_slack(user, email=profile.email) or stranger

    async def insider(self, user: str) -> bool:
        """Whether that is a member of the workspace, or somebody whom the directory names: no guest, no bot."""
        if self.directory.by_slack(user):
            return True
        profile = await self._profile(user)
        return profile is not None and not (profile.bot or profile.outsider)

    async def _profile(self, user: str) -> Profile | None:
        until, known = self._profiles.get(user, (0.0, None))
        if known is not None and time.monotonic() < until:
            return known
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                found = await self.client.who(user)
        except (ToolError, TimeoutError):
            return None
        self._profiles[user] = (time.monotonic() + REMEMBER_SECONDS, found)
        return found
