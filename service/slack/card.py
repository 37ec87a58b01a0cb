"""The one message of an incident: what is going on, what caused it, what can I do next. Pure.

Made from the same record and story as the console's page. Slack's limits are met whatever the incident holds: the
longest parts are cut first, and the console has the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from agents.wording import duration, listed
from incidents.diagnosis import Verdict
from incidents.incident import CLOSED, SETTLED, EventKind, Incident, Phase
from service.slack.blocks import BLOCKS, TASK, Block, actions, button, context, header, plan, section
from service.slack.ending import ending, taken_over_by
from service.slack.mrkdwn import bare, bold, cut, link, safe, sources
from service.slack.offer import buttons_of, decided, details, left_alone_by, offer, shown_in_full
from service.story.gaps import unseen_once
from service.story.narrowing import being_narrowed
from service.story.record import IncidentRecord, ProposalRecord
from service.story.story import Sentence, Story, Suspect, current_proposal, story_of
from service.story.words import PHASES, hm, name, sentence, sure
from service.web.agents import Activity, Agent, team_of

TEXT = 3000
GOING_ON, RULED_OUT, UNSEEN = 1, 1, 2
"""Sentences on the card, so that a phone shows the buttons; the console has all."""
SURE_ENOUGH = 0.9
"""Below it the card says why it is not certain."""
LOOKING = (Phase.OPEN, Phase.INVESTIGATING)
WITHDRAWN = "Proposal withdrawn: "
"""How the timeline begins to say it."""
AT_WORK = {Activity.WAITING: "pending", Activity.WORKING: "in_progress", Activity.DONE: "complete"}
"""How a task card says it."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """What Slack is given. `text` is what a notification on a phone's lock screen reads."""

    text: str
    blocks: tuple[Block, ...]
    without_tasks: tuple[Block, ...] = ()
    """The same for a workspace without task cards; empty when there are none in it."""


def card_of(record: IncidentRecord, *, console: str) -> Card:
    """The card as the incident stands."""
    story, proposal = story_of(record), current_proposal(record)
    above = [*_head(record, proposal), *_going_on(record, story, console=console)]
    below = [
        *_next(record, proposal, story, console=console),
        *_buttons(record, proposal, console=console),
        *_details(record, proposal),
    ]
    text = notification(record, proposal)
    if story.stale:
        more = [*_guess(record), *_narrowed(record), *_withdrawn(record)]
        shown, plain = [*_at_work(record), *more], [section(_looking(record)), *more]
        with_tasks, without = [*above, *shown, *below], [*above, *plain, *below]
        return Card(text=text, blocks=tuple(with_tasks[:BLOCKS]), without_tasks=tuple(without[:BLOCKS]))
    blocks = [*above, *_cause(record, story, console=console), *_small(record, story), *below]
    return Card(text=text, blocks=tuple(blocks[:BLOCKS]))


def notification(record: IncidentRecord, proposal: ProposalRecord | None) -> str:
    """`SEV1 Checkout returns 5xx: waiting for a decision. Roll checkout back to revision 41`."""
    head = record.incident
    doing = ""
    if proposal is not None and head.phase is Phase.AWAITING_DECISION:
        doing = f". {proposal.body.actions[0].summary}"
    return safe(f"{head.severity.label} {head.title}: {state_of(record, proposal)}{doing}", most=TEXT)


def state_of(record: IncidentRecord, proposal: ProposalRecord | None) -> str:
    """Where it stands in a word or two: `waiting for a decision, 0/2`, `executing 2/3`."""
    phase = record.incident.phase
    match phase:
        case Phase.OPEN | Phase.INVESTIGATING:
            return "looking"
        case Phase.AWAITING_DECISION if proposal is not None:
            approvals, needed = decided(proposal)
            return f"waiting for a decision, {approvals}/{needed}"
        case Phase.EXECUTING if proposal is not None:
            done = sum(1 for step in proposal.steps if step.execution.ended_at is not None and not step.execution.undo)
            return f"executing {min(done + 1, len(proposal.body.actions))}/{len(proposal.body.actions)}"
        case Phase.ESCALATED if by := taken_over_by(record):
            return f"taken over by {by}"
        case _:
            return PHASES[phase]


def _head(record: IncidentRecord, proposal: ProposalRecord | None) -> Iterator[Block]:
    head = record.incident
    yield header(bare(sentence(head.title), most=150))
    parts = [
        bold(head.severity.label),
        safe(_service(record, proposal)),
        safe(_namespace(head)),
        bold(state_of(record, proposal)),
        safe(_timing(record, proposal)),
    ]
    yield context("  \u00b7  ".join(part for part in parts if part))


def _service(record: IncidentRecord, proposal: ProposalRecord | None) -> str:
    leading = record.diagnosis.leading if record.diagnosis else ()
    blamed = proposal.body.entity if proposal else leading[0].entity if leading else None
    about = [*([blamed] if blamed else []), *record.incident.entities]
    return name(about[0]) if about else ""


def _namespace(head: Incident) -> str:
    spaces = dict.fromkeys(entity.split("/", 3)[1] for entity in head.entities if entity.count("/") > 1)
    return " / ".join([*[space for space in spaces if space not in ("", "-")][:2], head.cluster])


def _timing(record: IncidentRecord, proposal: ProposalRecord | None) -> str:
    head = record.incident
    if head.phase in LOOKING:
        return f"since {hm(head.opened_at)} UTC"
    if proposal is not None and head.phase is Phase.AWAITING_DECISION:
        return f"proposed {duration((proposal.body.created_at - head.opened_at).total_seconds())} after the alert"
    if head.closed_at is not None:
        return f"{duration((head.closed_at - head.opened_at).total_seconds())} after the alert"
    return f"alerted {hm(head.opened_at)} UTC"


def _going_on(record: IncidentRecord, story: Story, *, console: str) -> Iterator[Block]:
    told = [_told(line, record, console=console) for line in story.going_on[:GOING_ON]]
    more = len(story.going_on) - GOING_ON
    impact = safe(story.impact)
    if more > 0:
        impact = f"{impact}  \u00b7  {link(_page(record, console), f'{more} more')}"
    yield section("\n".join([*told, impact]))


def _cause(record: IncidentRecord, story: Story, *, console: str) -> Iterator[Block]:
    if not story.suspects:
        yield section(f"*No cause found*\n{safe(story.no_cause)}")
    elif record.diagnosis is not None:
        several = record.diagnosis.verdict is Verdict.SEVERAL
        yield section("\n".join(_suspects(story.suspects, record, several=several, console=console)))


def _small(record: IncidentRecord, story: Story) -> Iterator[Block]:
    """What it is not, and what nobody could look at."""
    small = [*_ruled_out(story), *_unseen(record), *left_alone_by(record)]
    if small and record.incident.phase not in CLOSED:
        yield context(*small)


def _looking(record: IncidentRecord) -> str:
    """Who is at work, and who has reported."""
    team = team_of(record)
    busy = [agent.name.value for agent in team if agent.activity is not Activity.DONE]
    done = [agent.name.value for agent in team if agent.activity is Activity.DONE]
    lines = [f"*Looking:* {', '.join(busy) or 'weighing what was found'}"]
    if done:
        lines.append(f"Reported: {', '.join(done)}")
    return "\n".join(lines)


def _at_work(record: IncidentRecord) -> Iterator[Block]:
    """The same as task cards, each with what the agent looks at or found."""
    team = team_of(record)
    done = sum(1 for agent in team if agent.activity is Activity.DONE)
    words = {agent.name: bare(f"{agent.name.value}: {_latest(agent)}", most=TASK) for agent in team}
    tasks = [(agent.name.value, words[agent.name], AT_WORK[agent.activity]) for agent in team]
    yield plan(f"Looking: {done} of {len(team)} reported", tasks)


def _latest(agent: Agent) -> str:
    """What it found, or what it does."""
    found = agent.findings[0].text if agent.activity is Activity.DONE and agent.findings else agent.doing
    return found if agent.activity is not Activity.WAITING else "waiting"


def _guess(record: IncidentRecord) -> Iterator[Block]:
    """A guess only with its number, and said to be one."""
    if record.diagnosis is not None and record.diagnosis.hypotheses:
        best = record.diagnosis.hypotheses[0]
        guess = f"{best.title} at {name(best.entity)}, {sure(best.probability)}"
        yield section(f"*Still checking*  so far {safe(guess)}")


def _narrowed(record: IncidentRecord) -> Iterator[Block]:
    """Who narrowed the proposal, while the narrower one is being previewed."""
    if narrowed := being_narrowed(record):
        text = narrowed.replace(" -> ", " → ")
        yield section(f"*{safe(text)}*\nIt is previewed and rehearsed anew, and stands here in seconds.")


def _withdrawn(record: IncidentRecord) -> Iterator[Block]:
    """Why what was proposed before is not any more; and what is left alone while it looks."""
    events = [event for event in record.timeline if event.kind is EventKind.PROPOSAL]
    told = [event.text for event in events if event.text.startswith(WITHDRAWN)]
    lines = [f"*Withdrawn*  {safe(told[-1].removeprefix(WITHDRAWN), most=200)}"] if told else []
    lines += left_alone_by(record)
    if lines:
        yield context(*lines)


def _suspects(suspects: tuple[Suspect, ...], record: IncidentRecord, *, several: bool, console: str) -> Iterator[str]:
    title = "What caused it: several things at once" if several else "What caused it"
    for index, suspect in enumerate(suspects[:2]):
        confidence = f"{sure(suspect.hypothesis.probability)} sure"
        yield f"*{title}*  \u00b7  {confidence}" if index == 0 else f"*And*  \u00b7  {confidence}"
        yield _told(suspect.statement, record, console=console)
        if suspect.doubts and index == 0 and suspect.hypothesis.probability < SURE_ENOUGH:
            yield f"_Speaks against it:_ {safe(suspect.doubts[0].text, most=200)}"


def _ruled_out(story: Story) -> Iterator[str]:
    for line in story.ruled_out[:RULED_OUT]:
        yield f"*Ruled out*  {safe(line.text, most=220)}"


def _unseen(record: IncidentRecord) -> Iterator[str]:
    gaps = unseen_once(record.case.gaps)
    if gaps:
        told = listed((f"{gap.what} ({cut(gap.why, most=80)})" for gap in gaps), enough=UNSEEN)
        yield f"*Not seen*  {safe(told, most=300)}"


def _next(record: IncidentRecord, proposal: ProposalRecord | None, story: Story, *, console: str) -> Iterator[Block]:
    phase = record.incident.phase
    if proposal is not None and phase not in LOOKING:
        yield from offer(proposal, record, console=console)
    if phase in SETTLED or phase in (Phase.EXECUTING, Phase.VERIFYING):
        yield from ending(record, proposal, story)


def _buttons(record: IncidentRecord, proposal: ProposalRecord | None, *, console: str) -> Iterator[Block]:
    """Nothing that decides stays on a card that is decided."""
    opens = button("open_console", "Open in console", url=_page(record, console))
    yield actions(f"do:{record.incident.id}", [*buttons_of(record, proposal), opens])


def _details(record: IncidentRecord, proposal: ProposalRecord | None) -> Iterator[Block]:
    """What one scrolls to on a phone, and sees beside the buttons everywhere else."""
    if proposal is not None and shown_in_full(record, proposal):
        yield details(proposal)


def _told(told: Sentence, record: IncidentRecord, *, console: str) -> str:
    cited = sources(told.evidence, console=console, incident=record.incident.id, most=2)
    return f"{safe(told.text)}  {cited}".rstrip()


def _page(record: IncidentRecord, console: str) -> str:
    return f"{console}/incidents/{record.incident.id}"
