"""The proposal on the card: the exact action, all that is needed to decide about it, and the buttons. Pure."""

from collections.abc import Iterator

from agents.wording import duration, listed
from incidents.approval import Choice
from incidents.canonical import Json
from incidents.incident import CLOSED, SETTLED, Phase
from incidents.policy import Effect
from incidents.proposal import ProposalBody, ProposalStatus, ProposedAction, Risk
from incidents.verification import CheckRole
from orchestrator.store.instructions import InstructionKind
from service.slack.blocks import Block, button, confirm, context, facts, menu, section
from service.slack.mrkdwn import bare, bold, code, link, safe
from service.story.fields import Field, fields
from service.story.record import IncidentRecord, ProposalRecord
from service.story.steps import WHILE_PAUSED
from service.story.words import count, dollars, hm, name

DIFFS = 4
"""Changed fields on the card; the console has all."""
LABEL = 60
"""Characters of a field's name; few have more than a phone's line holds."""
COARSE_MINUTES = 10
"""Above it the countdown is told in steps of five minutes: every step is an edit of the message."""


def decided(proposal: ProposalRecord) -> tuple[int, int]:
    """(approvals given, approvals needed)."""
    given = sum(1 for decision in proposal.decisions if decision.choice is Choice.APPROVE)
    return given, max(1, proposal.body.policy.approvals)


def open_to_decide(record: IncidentRecord, proposal: ProposalRecord | None) -> bool:
    """Whether a click on Approve could count now."""
    return (
        proposal is not None
        and proposal.status is ProposalStatus.PENDING
        and record.incident.phase is Phase.AWAITING_DECISION
        and record.now < proposal.body.expires_at
    )


def shown_in_full(record: IncidentRecord, proposal: ProposalRecord) -> bool:
    """Whether the card shows all of it: while it can be decided, and when policy denied it."""
    return open_to_decide(record, proposal) or proposal.status is ProposalStatus.DENIED


def offer(proposal: ProposalRecord, record: IncidentRecord, *, console: str) -> Iterator[Block]:
    """The proposal, in full while it can be decided, in a line afterwards."""
    if shown_in_full(record, proposal):
        yield section("\n".join(_action_lines(proposal, record, console=console)))
        yield context(*_policy(proposal, record))
        return
    if not proposal.steps:
        summary = "; ".join(safe(action.summary) for action in proposal.body.actions)
        yield section(f"*{_headline(proposal)}*  {summary}")


def buttons_of(record: IncidentRecord, proposal: ProposalRecord | None) -> Iterator[Json]:
    """What can be done about the incident now."""
    phase = record.incident.phase
    if proposal is not None and open_to_decide(record, proposal):
        yield _approve(proposal)
        yield button("reject", "Reject…", value=proposal.digest, style="danger")
        yield button("change", "Change…", value=proposal.digest)
        yield button("more_evidence", "More evidence", value=record.incident.id)
        yield button("take_over", "Take over", value=record.incident.id)
        yield menu(
            "more",
            (
                ("Rehearse again", f"rehearse {record.incident.id}"),
                ("Snooze for 15 min", f"snooze {record.incident.id}"),
            ),
        )
    elif phase in (Phase.OPEN, Phase.INVESTIGATING):
        yield button("take_over", "Take over", value=record.incident.id)
    elif phase in SETTLED and phase not in CLOSED:
        yield button("more_evidence", "Look again", value=record.incident.id)


def _approve(proposal: ProposalRecord) -> Json:
    """High risk asks for the target's name in a modal; everything else asks once more, with what it touches."""
    if proposal.body.risk is Risk.HIGH:
        return button("approve_typed", "Approve…", value=proposal.digest, style="primary")
    action = proposal.body.actions[0]
    says = f"{action.summary}. It touches {action.blast_radius.summary}. Undo: {action.undo}."
    asked = confirm("Approve this change?", bare(says, most=300), yes="Approve")
    return button("approve", "Approve", value=proposal.digest, style="primary", confirm=asked)


def _headline(proposal: ProposalRecord) -> str:
    match proposal.status:
        case ProposalStatus.REJECTED:
            return "Was proposed"
        case ProposalStatus.EXPIRED | ProposalStatus.PENDING:
            return "Was proposed, nobody decided in time"
        case ProposalStatus.SUPERSEDED:
            return "Was proposed, withdrawn"
        case _:
            return "Action"


def _action_lines(proposal: ProposalRecord, record: IncidentRecord, *, console: str) -> Iterator[str]:
    denied = proposal.status is ProposalStatus.DENIED
    title = "Would be, but policy does not allow it" if denied else "Proposed"
    page = f"{console}/incidents/{record.incident.id}"
    several = len(proposal.body.actions) > 1
    yield from narrowings_of(proposal.body)
    for number, action in enumerate(proposal.body.actions, 1):
        lead = f"{title}:  " if number == 1 else ""
        yield f"{lead}{f'{number}. ' if several else ''}{bold(action.summary)}"
        yield from (_change(field) for field in fields(action.preview.diff)[:DIFFS])
        more = len(action.preview.diff) - DIFFS
        if more > 0:
            yield link(page, f"and {count(more, 'more field')}")


def narrowings_of(body: ProposalBody) -> Iterator[str]:
    """`_Narrowed by Dana: replicas of checkout 12 → 8_`, a line for each."""
    for one in body.narrowings:
        text = one.text.replace(" -> ", " \u2192 ")
        yield f"_{safe(text[0].upper() + text[1:])}_"


def _change(field: Field) -> str:
    before, after = field.before or "nothing", field.after or "removed"
    return f"{code(field.label, most=LABEL)}  {code(before, most=60)} \u2192 {code(after, most=60)}"


def details(proposal: ProposalRecord) -> Block:
    """What it touches, how it is taken back, what it has to achieve, what it costs."""
    return facts(_details(proposal))


def _details(proposal: ProposalRecord) -> list[tuple[str, str]]:
    body = proposal.body
    success = [check.text for check in body.checks if check.role is CheckRole.SUCCESS]
    guards = [check.text for check in body.checks if check.role is CheckRole.GUARD]
    cost = dollars(body.cost.usd_per_hour)
    return [
        ("Target", safe("; ".join(dict.fromkeys(_target(action) for action in body.actions)))),
        ("Undo", safe("; ".join(action.undo for action in body.actions))),
        ("Rehearsed", safe("; ".join(_rehearsals(body)))),
        ("Counts as fixed", safe("; ".join(success) or "no check could be found")),
        ("Must not worsen", safe("; ".join(guards) or "no guard could be found")),
        ("Cost", safe(f"{cost} ({body.cost.basis})" if cost == "unknown" else cost)),
        ("Risk", safe(f"{body.risk.value}; sure of the cause: {round(body.confidence * 100)} %")),
    ]


def _target(action: ProposedAction) -> str:
    cluster, namespace, kind, name = action.request.target.split("/", 3)
    return f"{kind} {name} in {namespace}, {cluster}" if namespace not in ("", "-") else f"{kind} {name}, {cluster}"


def _rehearsals(body: ProposalBody) -> Iterator[str]:
    """What the target system said of each action, and what the change did in a twin."""
    yield from dict.fromkeys(_rehearsed(action) for action in body.actions)
    if body.rehearsal is not None:
        yield body.rehearsal.summary
        yield from filter(None, (body.rehearsal.clone,))
    for other in body.alternatives:
        if other.rehearsed is not None:
            yield f"{other.request.kind} {other.because}"


def _rehearsed(action: ProposedAction) -> str:
    accepted = "accepted" if action.preview.accepted else "refused"
    warned = f"; {count(len(action.preview.warnings), 'warning')}" if action.preview.warnings else ""
    return f"{action.preview.by}: {accepted}{warned}"


def _policy(proposal: ProposalRecord, record: IncidentRecord) -> Iterator[str]:
    verdict = proposal.body.policy
    if verdict.effect is Effect.DENY or proposal.status is ProposalStatus.DENIED:
        yield f"*Policy*  denied ({safe(verdict.rule)}): {safe(verdict.reason)}"
        return
    reach = "; ".join(dict.fromkeys(action.blast_radius.summary for action in proposal.body.actions))
    yield f"*Blast radius*  {safe(reach)}"
    given, needed = decided(proposal)
    roles = " or ".join(verdict.approvers).replace("oncall", "on-call") or "nobody"
    yield f"*Policy*  {safe(verdict.rule)}: {needed} of {safe(roles)}. *{given}/{needed}*"
    names = [decision.person.name for decision in proposal.decisions if decision.choice is Choice.APPROVE]
    if names:
        yield f"*Approved by*  {safe(', '.join(names))}"
    yield f"*Expires*  {hm(proposal.body.expires_at)} UTC{_left(proposal, record)}"
    yield from _snoozed(record)
    if record.switch.paused:
        yield f"*Execution is paused*  {safe(WHILE_PAUSED)}"


def _snoozed(record: IncidentRecord) -> Iterator[str]:
    """That nobody is reminded, and until when."""
    snoozes = [(one.person, one.until) for one in record.said if one.kind is InstructionKind.SNOOZE and one.until]
    for person, until in [(person, until) for person, until in snoozes if until > record.now][-1:]:
        yield f"*Snoozed*  by {safe(person)}: no reminders until {hm(until)} UTC"


def left_alone_by(record: IncidentRecord) -> Iterator[str]:
    """What people said to leave alone, which code obeys."""
    said = [one for one in record.said if one.kind is InstructionKind.HANDS_OFF and one.entity]
    by_person = {name(one.entity): one.person for one in said if one.entity}
    if by_person:
        told = listed((f"{what} ({who})" for what, who in by_person.items()), enough=3)
        yield f"*Left alone*  {safe(told, most=200)}"


def _left(proposal: ProposalRecord, record: IncidentRecord) -> str:
    minutes = int((proposal.body.expires_at - record.now).total_seconds() // 60)
    if minutes > COARSE_MINUTES:
        return f", about {duration(60.0 * (minutes - minutes % 5))} left"
    return f", {max(1, minutes)} min left"
