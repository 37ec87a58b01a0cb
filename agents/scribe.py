"""The draft of the post-mortem, in markdown: every sentence from a record, none invented.

What a record does not say is left as a question for the people who were there. Text from outside is fenced or escaped.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from agents.diagnostician.wording import label_of
from agents.wording import duration, listed, looked_at, percent
from incidents.approval import Choice
from incidents.diagnosis import Diagnosis, Hypothesis, Verdict
from incidents.postmortem import Dossier, Milestones, cited, lasted, milestones
from incidents.proposal import Proposal
from incidents.verification import Verification

NOTHING = "Nothing was recorded."

MOST_LINES = 80
"""Lines of the timeline that a reader follows; the whole is in the console."""

QUESTIONS = (
    "What did users notice, and how many were affected?",
    "What went well, and where were we lucky?",
    "What would have shown this before it hurt?",
)
"""What no record can say."""


def draft(dossier: Dossier, *, now: datetime) -> str:
    """The whole document. The same dossier and `now` give the same text."""
    times = milestones(dossier)
    parts = [
        ("Summary", _summary(dossier, times)),
        ("Impact", _impact(dossier, times)),
        ("Root cause", _cause(dossier.diagnosis)),
        ("What was ruled out", _ruled_out(dossier.diagnosis)),
        ("What could not be seen", _gaps(dossier)),
        ("What was done", _done(dossier)),
        ("Did it help", _helped(dossier.verification)),
        ("How long it took", _durations(times)),
        ("Timeline", _timeline(dossier)),
        ("Follow-ups", _follow_ups(dossier)),
        ("Questions for those who were there", (f"- {question}" for question in QUESTIONS)),
        ("Evidence", _evidence(dossier)),
    ]
    head = [f"# Post-mortem: {_plain(dossier.incident.title)}", "", _header(dossier, now=now), ""]
    body = [line for heading, lines in parts for line in (f"## {heading}", "", *(list(lines) or [NOTHING]), "")]
    return "\n".join([*head, *body]).rstrip() + "\n"


def _header(dossier: Dossier, *, now: datetime) -> str:
    incident = dossier.incident
    drafted = f"drafted {_stamp(now)} from {len(dossier.ledger)} ledger entries; to be completed by people"
    return f"{incident.severity.label} · {incident.cluster} · {incident.id} · {incident.phase.value} · {drafted}"


def _summary(dossier: Dossier, times: Milestones) -> Iterator[str]:
    diagnosis = dossier.diagnosis
    if diagnosis and diagnosis.leading:
        for hypothesis in diagnosis.leading:
            yield f"{_plain(hypothesis.statement)} ({percent(hypothesis.probability)} sure)"
    elif diagnosis:
        yield f"No cause was proven. {_plain(diagnosis.reason)}"
    if dossier.verification:
        yield f"It ended {dossier.verification.outcome.value}: {_plain(dossier.verification.reason)}"
    elif dossier.outcome:
        yield f"It ended {dossier.incident.phase.value}: {_plain(dossier.outcome)}"
    if times.ended:
        yield f"It lasted {duration((times.ended - times.began).total_seconds())}, from {_stamp(times.began)} on."


def _impact(dossier: Dossier, times: Milestones) -> Iterator[str]:
    names = listed(label_of(entity) for entity in dossier.incident.entities)
    if names:
        yield f"- Affected: {names}."
    explained = {f for h in (dossier.diagnosis.leading if dossier.diagnosis else ()) for f in h.explains}
    yield from (f"- {_plain(fact.text)}" for fact in dossier.facts if fact.id in explained)
    alerts = listed(alert.name for alert in dossier.alerts)
    if alerts:
        yield f"- Alerts: {_plain(alerts)}, the first at {_stamp(times.alerted)}."


def _cause(diagnosis: Diagnosis | None) -> Iterator[str]:
    if diagnosis is None:
        return
    if diagnosis.verdict is Verdict.INCONCLUSIVE:
        yield f"Inconclusive. {_plain(diagnosis.reason)}"
    for hypothesis in diagnosis.leading:
        yield from _argument(hypothesis)
    if diagnosis.engine_note:
        yield f"Argued by the {diagnosis.engine.value} engine: {_plain(diagnosis.engine_note)}"


def _argument(hypothesis: Hypothesis) -> Iterator[str]:
    yield f"**{_plain(hypothesis.title)}** at {label_of(hypothesis.entity)}:"
    yield ""
    for point in (*hypothesis.speaks_for, *hypothesis.speaks_against):
        sources = f" [{', '.join(point.evidence)}]" if point.evidence else ""
        yield f"- {'for' if point.weight > 0 else 'against'}: {_plain(point.text)}{sources}"
    yield ""


def _ruled_out(diagnosis: Diagnosis | None) -> Iterator[str]:
    for suspect in diagnosis.ruled_out if diagnosis else ():
        yield f"- {_plain(suspect.suspicion)}: {_plain(suspect.because)}"


def _gaps(dossier: Dossier) -> Iterator[str]:
    for gap in dict.fromkeys(dossier.gaps):
        yield f"- {_plain(looked_at(gap.what))} ({gap.agent.value}: {_plain(gap.why)})"


def _done(dossier: Dossier) -> Iterator[str]:
    for proposal in dossier.proposals:
        yield f"- Proposed {_stamp(proposal.body.created_at)}: {_actions(proposal)} (risk {proposal.body.risk.value})"
    for decision in dossier.decisions:
        verb = "Approved" if decision.choice is Choice.APPROVE else "Rejected"
        why = f": {_plain(decision.reason)}" if decision.reason else ""
        yield f"- {verb} {_stamp(decision.at)} by {_plain(decision.person.name)} ({decision.channel.value}){why}"
    for execution in dossier.executions:
        what = "Undo" if execution.undo else "Execution"
        at = execution.ended_at or execution.dispatched_at or execution.approved_at
        detail = f": {_plain(execution.detail)}" if execution.detail else ""
        yield f"- {what} {_stamp(at)} {execution.status.value}{detail}"


def _actions(proposal: Proposal) -> str:
    return "; ".join(_plain(action.summary) for action in proposal.body.actions)


def _helped(verification: Verification | None) -> Iterator[str]:
    if verification is None:
        return
    yield f"{verification.outcome.value.capitalize()}: {_plain(verification.reason)}"
    yield ""
    for result in verification.results:
        held = {True: "held", False: "not held", None: "could not be read"}[result.held]
        yield f"- {_plain(result.text)} ({result.check.role.value}, {held})"


def _durations(times: Milestones) -> Iterator[str]:
    steps = (
        ("from the onset to the first alert", times.began, times.alerted),
        ("from the alert to the diagnosis", times.alerted, times.diagnosed),
        ("from the alert to a proposal", times.alerted, times.proposed),
        ("from the proposal to the approval", times.proposed or times.alerted, times.decided),
        ("from the approval to the change", times.decided or times.alerted, times.acted),
        ("from the onset to the end", times.began, times.ended),
    )
    for name, start, end in steps:
        took: timedelta | None = lasted(start, end)
        if took is not None:
            yield f"- {duration(took.total_seconds())} {name}"


def _timeline(dossier: Dossier) -> Iterator[str]:
    events = sorted(dossier.timeline, key=lambda event: event.seq)
    for event in events[:MOST_LINES]:
        yield f"- {_stamp(event.at)} {_plain(event.actor)}: {_plain(event.text)}"
    if len(events) > MOST_LINES:
        yield f"- {len(events) - MOST_LINES} more events are in the console"


def _follow_ups(dossier: Dossier) -> Iterable[str]:
    return (f"- [ ] {_plain(text)}" for text in dossier.follow_ups)


def _evidence(dossier: Dossier) -> Iterator[str]:
    for evidence in cited(dossier):
        link = f" ({evidence.link})" if evidence.link else ""
        yield f"- `{evidence.id}` {_plain(evidence.title or evidence.probe)}: {_code(evidence.query)}{link}"


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _plain(text: str) -> str:
    """Text of records on one line, with nothing in it that markdown or HTML would act upon."""
    joined = " ".join(text.split())
    for character in "\\`*_<>[]|":
        joined = joined.replace(character, f"\\{character}")
    return joined


def _code(text: str) -> str:
    """A query as code; a backtick in it would end the code."""
    joined = " ".join(text.split()).replace("`", "'")
    return f"`{joined}`"
