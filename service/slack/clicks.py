"""Buttons and modals: what was clicked becomes a row in the database, then it is acknowledged, then it is talked about.

Everything is judged by `orchestrator.decisions`, as for every other door. What did not count is told to the clicker
alone; that it was clicked is recorded.
"""

import logging
from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from incidents.approval import Channel, Choice, Refused
from incidents.ids import IncidentId, ProposalDigest
from incidents.rejection import Wish
from orchestrator.decisions import decide
from orchestrator.steering import look_again, rehearse_again, snooze
from orchestrator.stopping import stop_investigation
from orchestrator.store.errors import UnknownError
from orchestrator.store.outages import OUTAGES
from orchestrator.store.proposals import StoredProposal, proposal_by
from service.slack.context import SlackContext
from service.slack.identity import Identities
from service.slack.modals import INPUT, REJECT, TYPED, Origin, reject_modal, typed_modal, values, wish_of
from service.slack.whispering import whisper
from tools.errors import ToolError

logger = logging.getLogger(__name__)

NOT_RECORDED = "Nothing was recorded: the database cannot be reached. Click again in a moment, or use the console."
NOT_SENT = "Nothing was recorded: the database cannot be reached. Send it again in a moment, or use the console."
GONE = "There is no such proposal any more: look at the card again."

Body = Mapping[str, Any]
MISSED: tuple[type[Exception], ...] = (*OUTAGES, UnknownError)


class Clicks:
    """The handlers of one process."""

    def __init__(self, context: SlackContext, identities: Identities) -> None:
        """They decide in the context's store."""
        self._context, self._identities = context, identities

    def register(self, app: AsyncApp) -> None:
        """Put the handlers into the app."""
        app.action("approve")(self.approve)
        app.action("reject")(self.ask_reason)
        app.action("approve_typed")(self.ask_name)
        app.view(REJECT)(self.reject)
        app.view(TYPED)(self.approve_by_name)
        app.action("take_over")(self.take_over)
        app.action("more_evidence")(self.more_evidence)
        app.action("more")(self.more)
        app.action("open_console")(self.nothing)

    async def nothing(self, ack: AsyncAck) -> None:
        """A link was opened: Slack wants to hear that we know."""
        await ack()

    async def approve(self, ack: AsyncAck, body: Body) -> None:
        """The Approve button."""
        digest = ProposalDigest(str(body["actions"][0]["value"]))
        await self._decide(ack, body, digest, Choice.APPROVE)

    async def ask_reason(self, ack: AsyncAck, body: Body) -> None:
        """The Reject button opens a modal."""
        await self._ask(ack, body, typed=False)

    async def ask_name(self, ack: AsyncAck, body: Body) -> None:
        """The Approve button of a proposal of high risk opens a modal."""
        await self._ask(ack, body, typed=True)

    async def reject(self, ack: AsyncAck, body: Body, view: dict[str, object]) -> None:
        """The modal with the reason was submitted."""
        origin, reason = values(view)
        if not reason.strip():
            await ack(response_action="errors", errors={INPUT: "Say why: the next proposal learns from it."})
            return
        wish = wish_of(view)
        await self._decide(ack, body, origin.digest, Choice.REJECT, reason=reason.strip(), wish=wish, origin=origin)

    async def approve_by_name(self, ack: AsyncAck, body: Body, view: dict[str, object]) -> None:
        """The modal with the target's name was submitted."""
        origin, typed = values(view)
        try:
            stored = await self._stored(origin.digest)
        except OUTAGES:
            await self._not_recorded(ack, body, origin)
            return
        wanted = _target(stored) if stored else ""
        if stored is not None and typed.strip() != wanted:
            await ack(response_action="errors", errors={INPUT: f"Type {wanted}, or close this to leave it undone."})
            return
        await self._decide(ack, body, origin.digest, Choice.APPROVE, origin=origin)

    async def take_over(self, ack: AsyncAck, body: Body) -> None:
        """A person goes on alone."""
        person = await self._identities.person(body["user"]["id"])
        incident, now = _incident(body), self._context.clock.now()
        try:
            answer = await stop_investigation(
                self._context.store, incident, person=person, reason="taken over in Slack", now=now
            )
        except MISSED:
            await self._not_recorded(ack, body)
            return
        await ack()
        if isinstance(answer, Refused):
            await self._whisper(body, answer.message)

    async def more_evidence(self, ack: AsyncAck, body: Body) -> None:
        """Look once more before anybody decides, or after it ended without a fix."""
        person = await self._identities.person(body["user"]["id"])
        await self._steer(ack, body, look_again, person=person, incident=_incident(body))

    async def more(self, ack: AsyncAck, body: Body) -> None:
        """An entry of the menu behind the buttons."""
        word, _, incident = str(body["actions"][0]["selected_option"]["value"]).partition(" ")
        person = await self._identities.person(body["user"]["id"])
        what = rehearse_again if word == "rehearse" else snooze
        await self._steer(ack, body, what, person=person, incident=IncidentId(incident))

    async def _steer(self, ack: AsyncAck, body: Body, what: Any, **given: Any) -> None:
        key = f"slack:{body['actions'][0].get('action_ts')}:{body['user']['id']}"
        try:
            answer = await what(
                self._context.store, **given, channel=Channel.SLACK, now=self._context.clock.now(), key=key
            )
        except MISSED:
            await self._not_recorded(ack, body)
            return
        await ack()
        await self._whisper(body, answer.message if isinstance(answer, Refused) else answer)

    async def _ask(self, ack: AsyncAck, body: Body, *, typed: bool) -> None:
        """Open the modal before the trigger expires."""
        try:
            stored = await self._stored(ProposalDigest(str(body["actions"][0]["value"])))
        except OUTAGES:
            await self._not_recorded(ack, body)
            return
        await ack()
        if stored is None:
            await self._whisper(body, GONE)
            return
        channel, ts = body["channel"]["id"], body["message"]["ts"]
        origin = Origin(digest=stored.proposal.digest, channel=channel, thread=ts)
        summary = "; ".join(action.summary for action in stored.proposal.body.actions)
        view = typed_modal(origin, summary, _target(stored)) if typed else reject_modal(origin, summary)
        try:
            await self._context.client.open_modal(str(body["trigger_id"]), view)
        except ToolError as error:
            logger.warning("Could not open a modal: %s", error, extra={"action": "slack_modal_failed"})
            await self._whisper(body, "Slack did not open the form in time: click again.")

    async def _decide(
        self,
        ack: AsyncAck,
        body: Body,
        digest: ProposalDigest,
        choice: Choice,
        *,
        reason: str = "",
        wish: Wish = Wish(),  # noqa: B008 - a frozen value
        origin: Origin | None = None,
    ) -> None:
        person = await self._identities.person(body["user"]["id"])
        now = self._context.clock.now()
        try:
            answer = await decide(
                self._context.store,
                digest,
                person=person,
                choice=choice,
                reason=reason,
                wish=wish,
                channel=Channel.SLACK,
                now=now,
            )
        except OUTAGES:
            await self._not_recorded(ack, body, origin)
            return
        await ack()
        if isinstance(answer, Refused):
            await self._whisper(body, _refusal(answer), origin)

    async def _stored(self, digest: ProposalDigest) -> StoredProposal | None:
        try:
            async with self._context.store.transaction() as tx:
                return await proposal_by(tx, digest)
        except UnknownError:
            return None

    async def _not_recorded(self, ack: AsyncAck, body: Body, origin: Origin | None = None) -> None:
        """Say so: in the modal, which keeps what was typed, else to the clicker alone."""
        if origin is not None:
            await ack(response_action="errors", errors={INPUT: NOT_SENT})
            return
        await ack()
        await self._whisper(body, NOT_RECORDED)

    async def _whisper(self, body: Body, text: str, origin: Origin | None = None) -> None:
        """Tell the clicker alone."""
        await whisper(self._context, body, text, origin)


def _refusal(answer: Refused) -> str:
    return f"Your click did not count. {answer.message}"


def _incident(body: Body) -> IncidentId:
    return IncidentId(str(body["actions"][0]["value"]))


def _target(stored: StoredProposal) -> str:
    """The name to type: the first action's target."""
    return stored.proposal.body.actions[0].request.target.split("/", 3)[-1]
