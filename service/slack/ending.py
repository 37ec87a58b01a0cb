"""What became of it: decided, executing, verified with figures, undone, or handed to people. Pure."""

from collections.abc import Iterator, Sequence

from incidents.approval import Choice
from incidents.incident import EventKind, Phase
from incidents.proposal import ProposalStatus
from incidents.verification import CheckResult
from service.slack.blocks import Block, section
from service.slack.mrkdwn import bold, safe
from service.story.record import IncidentRecord, ProposalRecord, Step
from service.story.steps import step_word
from service.story.story import Story
from service.story.words import figure, hm

FIGURES = 4


def ending(record: IncidentRecord, proposal: ProposalRecord | None, story: Story) -> Iterator[Block]:
    """The lines under the cause, once somebody decided or nothing is left to decide."""
    lines = [*_decisions(proposal), *_steps(proposal), *_verdict(record, proposal), *_handed_over(record, story)]
    if lines:
        yield section("\n".join(lines))


def _decisions(proposal: ProposalRecord | None) -> Iterator[str]:
    if proposal is None:
        return
    needed, given = max(1, proposal.body.policy.approvals), 0
    for decision in proposal.decisions:
        when = f"{hm(decision.at)} UTC"
        if decision.choice is Choice.APPROVE:
            given += 1
            yield f"*Approved* by {safe(decision.person.name)} at {when} ({given}/{needed})"
        else:
            yield f"*Rejected* by {safe(decision.person.name)} at {when}: {safe(decision.reason, most=400)}"
    if not proposal.decisions and proposal.status in (ProposalStatus.APPROVED, ProposalStatus.EXECUTED):
        yield f"*Approved* beforehand by rule {safe(proposal.body.policy.rule)}"


def _steps(proposal: ProposalRecord | None) -> Iterator[str]:
    if proposal is None:
        return
    total = len(proposal.body.actions)
    for step in proposal.steps:
        summary = proposal.body.actions[step.execution.index].summary
        number = f"{step.execution.index + 1}/{total} " if total > 1 else ""
        yield f"{bold(step_word(step.execution))}  {number}{safe(summary)}{_more(step)}"


def _more(step: Step) -> str:
    told = step.execution.detail or step.progress
    return f": {safe(told, most=240)}" if told else ""


def _verdict(record: IncidentRecord, proposal: ProposalRecord | None) -> Iterator[str]:
    if proposal is None:
        return
    if proposal.verification is not None:
        verdict = proposal.verification
        word = verdict.outcome.value.capitalize()
        yield f"*{word}* at {hm(verdict.ended_at)} UTC: {safe(verdict.reason, most=400)}"
        yield from _figures(verdict.results)
    elif record.incident.phase is Phase.VERIFYING:
        yield "*Watching* whether it helps"
        yield from _measured(proposal)


def _figures(results: Sequence[CheckResult]) -> Iterator[str]:
    told = [result.text for result in results if result.before != result.after][:FIGURES]
    told = told or [result.text for result in results][:FIGURES]
    if told:
        yield safe("  \u00b7  ".join(told), most=600)


def _measured(proposal: ProposalRecord) -> Iterator[str]:
    latest = {measurement.check: measurement for measurement in proposal.measurements}
    told = []
    for index, check in enumerate(proposal.body.checks[:FIGURES]):
        if index in latest and latest[index].value is not None:
            now = figure(latest[index].value, check.unit)
            told.append(f"{check.text}: now {now}")
    if told:
        yield safe("  \u00b7  ".join(told), most=600)


def taken_over_by(record: IncidentRecord) -> str:
    """Who stopped the investigation to go on alone; empty when nobody did."""
    reason = next((e.text for e in reversed(record.timeline) if e.kind is EventKind.PHASE), "")
    stopped, _, rest = reason.partition("stopped by ")
    return rest.partition(":")[0] if rest and not stopped else ""


def _handed_over(record: IncidentRecord, story: Story) -> Iterator[str]:
    phase = record.incident.phase
    reason = next((e.text for e in reversed(record.timeline) if e.kind is EventKind.PHASE), "")
    match phase:
        case Phase.ESCALATED | Phase.UNDONE:
            yield f"*{'Handed to people' if phase is Phase.ESCALATED else 'Why'}*  {safe(reason, most=700)}"
            yield f"*What can I do next*  {safe(story.next_step)}"
        case Phase.REJECTED | Phase.EXPIRED | Phase.INCONCLUSIVE:
            yield f"*What can I do next*  {safe(story.next_step)}"
        case Phase.RESOLVED:
            yield safe(story.next_step)
        case _:
            pass
