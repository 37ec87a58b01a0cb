"""The Change button: a modal with what may be narrowed and within which bounds, and what becomes of it when submitted.

Everything is judged by `orchestrator.changing`, as for every other door. What is not narrower is said beside its field
in the modal; a person without the role, or too late, is told alone.
"""

import logging
from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from incidents.approval import Channel, Refused
from incidents.ids import ProposalDigest
from incidents.narrowing import NotNarrower
from incidents.proposal import ProposalBody
from orchestrator.changing import Changed, change
from orchestrator.store.errors import UnknownError
from orchestrator.store.outages import OUTAGES
from orchestrator.store.proposals import proposal_by
from service.slack.change_modal import CHANGE, change_modal, errors_of, everywhere, typed_in
from service.slack.clicks import GONE, NOT_RECORDED, NOT_SENT
from service.slack.context import SlackContext
from service.slack.identity import Identities
from service.slack.modals import Origin
from service.slack.whispering import whisper
from service.story.changing import fields_of, wanted_of
from tools.errors import ToolError

logger = logging.getLogger(__name__)

TOO_LATE = "Slack did not open the form in time: click again."
Body = Mapping[str, Any]


class Changes:
    """The handlers of one process."""

    def __init__(self, context: SlackContext, identities: Identities) -> None:
        """They change in the context's store."""
        self._context, self._identities = context, identities

    def register(self, app: AsyncApp) -> None:
        """Put the handlers into the app."""
        app.action("change")(self.ask)
        app.view(CHANGE)(self.submitted)

    async def ask(self, ack: AsyncAck, body: Body) -> None:
        """Open the form before the trigger expires."""
        digest = ProposalDigest(str(body["actions"][0]["value"]))
        try:
            proposed = await self._body(digest)
        except OUTAGES:
            await ack()
            await whisper(self._context, body, NOT_RECORDED)
            return
        await ack()
        if proposed is None:
            await whisper(self._context, body, GONE)
            return
        origin = Origin(digest=digest, channel=body["channel"]["id"], thread=body["message"]["ts"])
        view = change_modal(origin, proposed, fields_of(proposed, now=self._context.clock.now()))
        try:
            await self._context.client.open_modal(str(body["trigger_id"]), view)
        except ToolError as error:
            logger.warning("Could not open a modal: %s", error, extra={"action": "slack_modal_failed"})
            await whisper(self._context, body, TOO_LATE)

    async def submitted(self, ack: AsyncAck, body: Body, view: dict[str, Any]) -> None:
        """The form came back: it is a row before Slack hears of it, or says beside each field what is wrong."""
        origin = Origin.model_validate_json(str(view["private_metadata"]))
        try:
            answer = await self._change(body, view, origin.digest)
        except OUTAGES:
            await ack(response_action="errors", errors=everywhere(view, NOT_SENT))
            return
        if isinstance(answer, NotNarrower):
            await ack(response_action="errors", errors=errors_of(view, answer))
            return
        await ack()
        if isinstance(answer, Refused):
            await whisper(self._context, body, f"Your change did not count. {answer.message}", origin)

    async def _change(
        self, body: Body, view: dict[str, Any], digest: ProposalDigest
    ) -> Changed | Refused | NotNarrower:
        person = await self._identities.person(body["user"]["id"])
        now, proposed = self._context.clock.now(), await self._body(digest)
        wanted = wanted_of(proposed, typed_in(view), now=now) if proposed else None
        if wanted is None or isinstance(wanted, NotNarrower):
            return wanted or Refused.model_validate({"refusal": "unknown_proposal", "message": GONE})
        return await change(self._context.store, digest, person=person, wanted=wanted, channel=Channel.SLACK, now=now)

    async def _body(self, digest: ProposalDigest) -> ProposalBody | None:
        try:
            async with self._context.store.transaction() as tx:
                return (await proposal_by(tx, digest)).proposal.body
        except UnknownError:
            return None
