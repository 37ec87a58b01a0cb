"""`/midwatch`: list, show, explain, changes, approve, pause, resume. Answered to the one who typed it, alone."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from incidents.approval import Channel, Choice, Person, Refused
from incidents.enquiry import Question, Topic
from incidents.incident import CLOSED, Incident, Phase
from incidents.proposal import ProposalStatus, Risk
from orchestrator.decisions import decide, set_paused
from orchestrator.store.control import switch_of
from orchestrator.store.incidents import incident_of, open_incidents
from orchestrator.store.outages import OUTAGES
from orchestrator.store.overview import Wanted, incidents_page
from orchestrator.store.proposals import proposals_of
from service.slack.context import SlackContext
from service.slack.identity import Identities
from service.slack.mrkdwn import bold, link, safe, sources, whole
from service.slack.questions import Questions
from service.story.record import IncidentRecord, record_of
from service.story.story import story_of
from service.story.words import PHASES, hm, name, sure

HELP = """*What Midwatch can do here*
`/midwatch list`  open incidents
`/midwatch show <id or words>`  where one stands
`/midwatch explain <id or words>`  why it blames what it blames
`/midwatch owner | changes | deployed | cost <service>`  who owns it, what changed, what runs, what it costs
`/midwatch approve <id or words>`  approve what is proposed (the buttons do the same)
`/midwatch pause <reason>` and `/midwatch resume`  stop and start all execution
Ask me anywhere by `@Midwatch who owns payments?` or in a message of your own.
In an incident's thread: ask a question, say what is known, or `leave <name> alone`.
*What it cannot*  change anything that no person or policy approved, nor see what it has no access to."""
MOST = 12
TEXT = 2900
UNAVAILABLE = "The database cannot be reached: nothing was read and nothing was done. Try again in a moment."

ENQUIRIES = {topic.value: topic for topic in (Topic.OWNER, Topic.CHANGES, Topic.DEPLOYED, Topic.COST)}
"""What is asked about a service: `/midwatch owner checkout`."""

Answer = Callable[[str, Person], Awaitable[str]]


class Commands:
    """The handlers of one process."""

    def __init__(self, context: SlackContext, identities: Identities) -> None:
        """They read and decide in the context's store."""
        self._context, self._identities, self._questions = context, identities, Questions(context)
        self._known: Mapping[str, Answer] = {
            "list": self._list,
            "show": self._show,
            "explain": self._explain,
            "approve": self._approve,
            "pause": self._pause,
            "resume": self._resume,
        }

    def register(self, app: AsyncApp) -> None:
        """Put the handler into the app."""
        app.command("/midwatch")(self.typed)

    async def typed(self, ack: AsyncAck, command: dict[str, Any]) -> None:
        """Somebody typed it. Whatever it does is done when this is acknowledged."""
        word, _, rest = str(command.get("text", "")).strip().partition(" ")
        known, topic = self._known.get(word.casefold()), ENQUIRIES.get(word.casefold())
        if known is None and topic is None:
            await ack(text=HELP if word.casefold() in ("", "help") else f"{safe(word)} is no command of mine.\n{HELP}")
            return
        person = await self._identities.person(command["user_id"])
        try:
            text = await known(rest.strip(), person) if known else await self._enquire(topic, rest.strip(), command)
        except OUTAGES:
            text = UNAVAILABLE
        await ack(text=whole(text, most=TEXT), response_type="ephemeral")

    async def _list(self, _: str, __: Person) -> str:
        async with self._context.store.transaction() as tx:
            found = await open_incidents(tx)
            paused = (await switch_of(tx)).paused
        head = "*Execution is paused*\n" if paused else ""
        if not found:
            return f"{head}No open incidents."
        lines = [self._line(incident) for incident in found[-MOST:][::-1]]
        more = f"\nand {link(f'{self._context.console}/', f'{len(found) - MOST} more')}" if len(found) > MOST else ""
        return head + "\n".join(lines) + more

    def _line(self, incident: Incident) -> str:
        where = link(self._context.page(incident.id), incident.id)
        what = f"{hm(incident.opened_at)}  {safe(incident.title, most=90)}"
        return f"{bold(incident.severity.label)}  {what}  {PHASES[incident.phase]}  {where}"

    async def _show(self, words: str, _: Person) -> str:
        record = await self._record(words)
        if record is None:
            return _none(words)
        story = story_of(record)
        lines = [self._line(record.incident), *(safe(line.text) for line in story.going_on[:2]), safe(story.impact)]
        lines += [f"*Cause* {sure(s.hypothesis.probability)}  {safe(s.statement.text)}" for s in story.suspects]
        return "\n".join([*lines, f"*Next* {safe(story.next_step)}"])

    async def _explain(self, words: str, _: Person) -> str:
        record = await self._record(words)
        if record is None:
            return _none(words)
        story, lines = story_of(record), [self._line(record.incident)]
        for suspect in story.suspects:
            hypothesis = suspect.hypothesis
            lines.append(
                f"*{safe(hypothesis.title)}* at {safe(name(hypothesis.entity))}, {sure(hypothesis.probability)}"
            )
            lines += [f"for: {safe(r.text)} {self._sources(r.evidence, record)}" for r in suspect.reasons]
            lines += [f"against: {safe(doubt.text)}" for doubt in suspect.doubts]
        lines += [f"ruled out: {safe(line.text)}" for line in story.ruled_out]
        return "\n".join(lines if story.suspects else [*lines, safe(story.no_cause)])

    async def _enquire(self, topic: Topic | None, words: str, command: dict[str, Any]) -> str:
        """A question about a service: what incidents saw of it at once, the rest when it was looked up."""
        assert topic is not None
        name, _, detail = words.partition(" ")
        if not name:
            return f"Say of what: `/midwatch {topic} checkout`."
        if not await self._identities.insider(command["user_id"]):
            return "Only members of this workspace are told about the estate."
        commit = detail.strip().casefold() if topic is Topic.DEPLOYED else ""
        question = Question(topic=topic, name=name.strip("?.,").casefold(), detail=commit[:40])
        looking = await self._questions.typed(command, question)
        return f"{await self._changes(question.name)}\n{safe(looking)}" if topic is Topic.CHANGES else safe(looking)

    async def _changes(self, service: str) -> str:
        async with self._context.store.transaction() as tx:
            found = await incidents_page(tx, Wanted(search=service), limit=MOST)
            records = [await record_of(tx, one.id, now=self._context.clock.now()) for one in found]
        facts = {
            fact.text: (fact, record)
            for record in records
            for fact in record.case.facts
            if fact.kind.startswith("change.") and name(fact.entity).casefold() == service.casefold()
        }
        if not facts:
            return safe(f"No incident saw a change of {service}.")
        dated = [(fact.at or record.incident.started_at, fact, record) for fact, record in facts.values()]
        newest = sorted(dated, key=lambda one: one[0], reverse=True)[:MOST]
        return "\n".join(
            f"`{at:%m-%d %H:%M}`  {safe(fact.text)}  {self._cited(record, fact.evidence)}"
            for at, fact, record in newest
        )

    async def _approve(self, words: str, person: Person) -> str:
        record = await self._record(words)
        if record is None:
            return _none(words)
        async with self._context.store.transaction() as tx:
            pending = [s for s in await proposals_of(tx, record.incident.id) if s.status is ProposalStatus.PENDING]
        if not pending:
            return f"Nothing waits for a decision: it is {PHASES[record.incident.phase]}."
        proposal = pending[-1].proposal
        if proposal.body.risk is Risk.HIGH:
            return "This is of high risk: approve it on its card, where the target's name has to be typed."
        answer = await decide(
            self._context.store,
            proposal.digest,
            person=person,
            choice=Choice.APPROVE,
            channel=Channel.SLACK,
            now=self._context.clock.now(),
        )
        if isinstance(answer, Refused):
            return safe(f"That did not count. {answer.message}")
        summary = "; ".join(action.summary for action in proposal.body.actions)
        return safe(f"Approved ({answer.approvals}/{answer.needed}): {summary}")

    async def _pause(self, reason: str, person: Person) -> str:
        if not reason:
            return "Say why: `/midwatch pause <reason>`. Whoever looks next needs it."
        return await self._switch(person, paused=True, reason=reason)

    async def _resume(self, reason: str, person: Person) -> str:
        return await self._switch(person, paused=False, reason=reason)

    async def _switch(self, person: Person, *, paused: bool, reason: str) -> str:
        now = self._context.clock.now()
        answer = await set_paused(self._context.store, paused=paused, person=person, reason=reason, now=now)
        if isinstance(answer, Refused):
            return safe(answer.message)
        if answer.paused:
            return "Execution is paused: nothing new is changed until somebody resumes it. What runs is only watched."
        return "Execution goes on."

    async def _record(self, words: str) -> IncidentRecord | None:
        """The incident with this id, else the newest that speaks of the words, open ones first."""
        if not words:
            return None
        async with self._context.store.transaction() as tx:
            found = await incidents_page(tx, Wanted(search=words), limit=MOST)
            if not found:
                return None
            best = min(found, key=lambda one: (one.phase in CLOSED, one.phase is not Phase.AWAITING_DECISION))
            head = await incident_of(tx, best.id)
            return await record_of(tx, head.id, now=self._context.clock.now())

    def _sources(self, evidence: Any, record: IncidentRecord) -> str:
        return sources(evidence, console=self._context.console, incident=record.incident.id, most=2)

    def _cited(self, record: IncidentRecord, ids: tuple[str, ...]) -> str:
        return self._sources([item for item in record.case.evidence if item.id in ids], record)


def _none(words: str) -> str:
    return (
        safe(f"No incident is called {words}: `/midwatch list` names those that are open.") if words else "Say which."
    )
