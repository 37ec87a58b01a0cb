"""The home tab: what waits for you, what is open, whether Midwatch is well, and the kill switch."""

import logging
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from incidents.approval import Person, Refused
from incidents.canonical import Json
from incidents.incident import Incident, Phase
from orchestrator.decisions import SWITCH_ROLES, set_paused
from orchestrator.store.control import Switch, switch_of
from orchestrator.store.incidents import open_incidents
from orchestrator.store.outages import OUTAGES
from orchestrator.store.outbox import waiting
from service.slack.blocks import Block, actions, button, confirm, context, divider, header, section
from service.slack.context import SlackContext
from service.slack.identity import Identities
from service.slack.mrkdwn import bold, link, safe
from service.story.words import PHASES, hm
from tools.errors import ToolError

logger = logging.getLogger(__name__)

MOST = 15


class Home:
    """The handlers of one process."""

    def __init__(self, context: SlackContext, identities: Identities) -> None:
        """They read from the context's store."""
        self._context, self._identities = context, identities

    def register(self, app: AsyncApp) -> None:
        """Put the handlers into the app."""
        app.event("app_home_opened")(self.opened)
        app.action("home_pause")(self.pause)
        app.action("home_resume")(self.resume)

    async def opened(self, event: dict[str, Any]) -> None:
        """Somebody opened the tab."""
        if event.get("tab", "home") == "home":
            await self._show(event["user"])

    async def pause(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """The kill switch."""
        await self._switch(ack, body, paused=True)

    async def resume(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Off again."""
        await self._switch(ack, body, paused=False)

    async def _switch(self, ack: AsyncAck, body: dict[str, Any], *, paused: bool) -> None:
        user = body["user"]["id"]
        person, now = await self._identities.person(user), self._context.clock.now()
        try:
            answer = await set_paused(
                self._context.store, paused=paused, person=person, reason="from Slack's home tab", now=now
            )
        except OUTAGES:
            await ack()
            return
        await ack()
        await self._show(user, note=answer.message if isinstance(answer, Refused) else "")

    async def _show(self, user: str, *, note: str = "") -> None:
        person = await self._identities.person(user)
        async with self._context.store.transaction() as tx:
            found, switch = await open_incidents(tx), await switch_of(tx)
            unsent, problem = await waiting(tx)
        blocks = [
            *([context(safe(note))] if note else []),
            *self._waiting(found),
            *self._open(found),
            *_health(switch, person, unsent=unsent, problem=problem),
        ]
        view: dict[str, Json] = {"type": "home", "blocks": list(blocks)}
        try:
            await self._context.client.publish_home(user, view)
        except ToolError as error:
            logger.warning("Could not show a home tab: %s", error, extra={"action": "slack_home_failed"})

    def _waiting(self, found: tuple[Incident, ...]) -> list[Block]:
        asked = [one for one in found if one.phase is Phase.AWAITING_DECISION]
        lines = [self._line(one) for one in asked[:MOST]] or ["Nothing waits for a decision."]
        return [header("Waiting for a decision"), section("\n".join(lines)), divider()]

    def _open(self, found: tuple[Incident, ...]) -> list[Block]:
        rest = [one for one in found if one.phase is not Phase.AWAITING_DECISION][::-1]
        lines = [self._line(one) for one in rest[:MOST]] or ["No other open incidents."]
        more = len(rest) - MOST
        if more > 0:
            lines.append(link(f"{self._context.console}/", f"{more} more in the console"))
        return [header("Open incidents"), section("\n".join(lines)), divider()]

    def _line(self, one: Incident) -> str:
        where = link(self._context.page(one.id), "open")
        return (
            f"{bold(one.severity.label)}  {hm(one.opened_at)}  {safe(one.title, most=90)}  {PHASES[one.phase]}  {where}"
        )


def _health(switch: Switch, person: Person, *, unsent: int, problem: str) -> list[Block]:
    lines = [f"Messages to Slack that wait: {unsent}" + (f" ({safe(problem, most=200)})" if problem else "")]
    if switch.paused:
        lines.append(f"*Execution is paused* by {safe(switch.by or 'somebody')}: {safe(switch.reason)}")
    else:
        lines.append("Execution is on: approved changes are made.")
    blocks = [header("Midwatch"), section("\n".join(lines))]
    if set(person.roles) & SWITCH_ROLES:
        asked = confirm("Pause all execution?", "Nothing new is changed until somebody resumes it.", yes="Pause")
        pause = button("home_pause", "Pause all execution", style="danger", confirm=asked)
        blocks.append(actions("switch", [button("home_resume", "Resume") if switch.paused else pause]))
    return blocks
