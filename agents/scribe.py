"""The draft of the post-mortem, in markdown: every sentence from a record, none invented.

What a record does not say is left as a question for the people who were there. Text from outside is fenced or escaped.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from agents.citing import Citations
from agents.diagnostician.wording import label_of
from agents.felt import distance
from agents.wording import duration, listed, looked_at, percent, unmarked
from incidents.approval import Choice
from incidents.diagnosis import Diagnosis, Hypothesis, Verdict
from incidents.fact import Fact
from incidents.ids import FactId, ProposalDigest
from incidents.ledger import EntryKind
from incidents.postmortem import Dossier, Milestones, lasted, milestones
from incidents.proposal import Proposal
from incidents.verification import Outcome, Verification

NOTHING = "Nothing was recorded."

MOST_LINES = 80
"""Lines of the timeline that a reader follows; the whole is in the console."""

MOST_FELT = 8
"""Lines of impact that a reader follows; the case file has all."""
DEEDS = (EntryKind.DISPATCHED, EntryKind.EXECUTED, EntryKind.FAILED, EntryKind.UNKNOWN)
ENDINGS = (EntryKind.INCIDENT_CLOSED, EntryKind.ESCALATED)
QUESTIONS = (
    "What did users notice, and how many were affected?",
    "Where were we lucky?",
    "What would have shown this before it hurt?",
)
"""What no record can say."""


def draft(dossier: Dossier, *, now: datetime) -> str:
    """The whole document. The same dossier and `now` give the same text."""
    times, cite = milestones(dossier), Citations(dossier)
    parts = [
        ("Summary", _summary(dossier, times, cite)),
        ("Impact", _impact(dossier, times, cite)),
        ("Root cause", _cause(dossier.diagnosis, cite)),
        ("What was ruled out", _ruled_out(dossier.diagnosis, cite)),
        ("What could not be seen", _gaps(dossier, cite)),
        ("What was done", _done(dossier, cite)),
        ("Did it help", _helped(dossier.verification, cite)),
        ("What went well", _went_well(dossier, times, cite)),
        ("How long it took", _durations(times, cite)),
        ("Timeline", _timeline(dossier, cite)),
        ("What would prevent it", _follow_ups(dossier, cite)),
        ("Questions for those who were there", (f"- {question}" for question in QUESTIONS)),
    ]
    head = [f"# Post-mortem: {unmarked(dossier.incident.title)}", "", _header(dossier, now=now), ""]
    body = [line for heading, lines in parts for line in (f"## {heading}", "", *(list(lines) or [NOTHING]), "")]
    tail = ["## Sources", "", *(list(_sources(cite)) or [NOTHING]), "", *cite.definitions()]
    return "\n".join([*head, *body, *tail]).rstrip() + "\n"


def _header(dossier: Dossier, *, now: datetime) -> str:
    incident = dossier.incident
    drafted = f"drafted {_stamp(now)} from {len(dossier.ledger)} ledger entries; to be completed by people"
    return f"{incident.severity.label} · {incident.cluster} · {incident.id} · {incident.phase.value} · {drafted}"


def _summary(dossier: Dossier, times: Milestones, cite: Citations) -> Iterator[str]:
    diagnosis = dossier.diagnosis
    if diagnosis and diagnosis.leading:
        for hypothesis in diagnosis.leading:
            sure = f"({percent(hypothesis.probability)} sure)"
            yield f"{unmarked(hypothesis.statement)} {sure}{_rests_on(hypothesis, cite)}"
    elif diagnosis:
        yield f"No cause was proven. {unmarked(diagnosis.reason)}{_diagnosed(cite)}"
    if dossier.verification:
        ending = dossier.verification
        yield f"It ended {ending.outcome.value}: {_whole(unmarked(ending.reason))}{_judged(ending, cite)}"
    elif dossier.outcome:
        yield f"It ended {dossier.incident.phase.value}: {_whole(unmarked(dossier.outcome))}{_ended(cite)}"
    if times.ended:
        took = duration((times.ended - times.began).total_seconds())
        yield f"It lasted {took}, from {_stamp(times.began)} on.{_ended(cite)}"


def _ended(cite: Citations) -> str:
    return cite.read_from(entries=ENDINGS) or cite.on_page("h-log", "the timeline of the incident")


def _rests_on(hypothesis: Hypothesis, cite: Citations) -> str:
    points = hypothesis.speaks_for
    seen = cite.read_from(evidence=(e for p in points for e in p.evidence), facts=(f for p in points for f in p.facts))
    return seen or _diagnosed(cite)


def _diagnosed(cite: Citations) -> str:
    return cite.read_from(entries=(EntryKind.DIAGNOSED,)) or cite.on_page("h-hyp", "the hypotheses")


def _judged(verification: Verification, cite: Citations) -> str:
    return cite.read_from(
        evidence=verification.evidence, entries=(EntryKind.VERIFIED, EntryKind.UNDONE)
    ) or cite.on_page("h-verify", "the measurements")


def _impact(dossier: Dossier, times: Milestones, cite: Citations) -> Iterator[str]:
    opened = cite.read_from(entries=(EntryKind.INCIDENT_OPENED,)) or cite.on_page("h-alerts", "the alerts")
    names = listed(label_of(entity) for entity in dossier.incident.entities)
    if names:
        yield f"- Affected: {names}.{opened}"
    explained = {f for h in (dossier.diagnosis.leading if dossier.diagnosis else ()) for f in h.explains}
    for fact in _felt(dossier.facts, explained):
        seen = cite.read_from(facts=(fact.id,)) or cite.on_page("h-going", "what was going on")
        yield f"- {unmarked(fact.text)}{seen}"
    alerts = listed(alert.name for alert in dossier.alerts)
    if alerts:
        source = cite.on_page("h-alerts", "the alerts")
        yield f"- Alerts: {unmarked(alerts)}, the first at {_stamp(times.alerted)}.{source}"


def _felt(facts: Iterable[Fact], explained: Collection[FactId]) -> list[Fact]:
    """What the cause accounts for, as users feel it first; the same of the same entity is told once, latest last."""
    known = [fact for fact in facts if fact.id in explained]
    first = {(fact.kind, fact.entity): fact for fact in reversed(known)}
    return sorted(first.values(), key=distance)[:MOST_FELT]


def _cause(diagnosis: Diagnosis | None, cite: Citations) -> Iterator[str]:
    if diagnosis is None:
        return
    if diagnosis.verdict is Verdict.INCONCLUSIVE:
        yield f"Inconclusive. {unmarked(diagnosis.reason)}{_diagnosed(cite)}"
    for hypothesis in diagnosis.leading:
        yield from _argument(hypothesis, cite)
    if diagnosis.engine_note:
        yield f"Argued by the {diagnosis.engine.value} engine: {unmarked(diagnosis.engine_note)}{_diagnosed(cite)}"


def _argument(hypothesis: Hypothesis, cite: Citations) -> Iterator[str]:
    yield f"**{unmarked(hypothesis.title)}** at {label_of(hypothesis.entity)}:"
    yield ""
    for point in (*hypothesis.speaks_for, *hypothesis.speaks_against):
        source = cite.read_from(evidence=point.evidence, facts=point.facts) or _diagnosed(cite)
        yield f"- {'for' if point.weight > 0 else 'against'}: {unmarked(point.text)}{source}"
    yield ""


def _ruled_out(diagnosis: Diagnosis | None, cite: Citations) -> Iterator[str]:
    for suspect in diagnosis.ruled_out if diagnosis else ():
        source = cite.read_from(evidence=suspect.evidence) or _diagnosed(cite)
        yield f"- {unmarked(suspect.suspicion)}: {unmarked(suspect.because)}{source}"


def _gaps(dossier: Dossier, cite: Citations) -> Iterator[str]:
    for gap in dict.fromkeys(dossier.gaps):
        source = cite.on_page("h-agents", "what the agents saw and did not")
        yield f"- {unmarked(looked_at(gap.what))} ({gap.agent.value}: {unmarked(gap.why)}){source}"


def _done(dossier: Dossier, cite: Citations) -> Iterator[str]:
    for proposal in dossier.proposals:
        made = f"Proposed {_stamp(proposal.body.created_at)}: {_actions(proposal)} (risk {proposal.body.risk.value})"
        yield f"- {made}{_ledger(cite, proposal.digest, EntryKind.PROPOSED, EntryKind.POLICY_DENIED)}"
    for narrowing in dict.fromkeys(one for proposal in dossier.proposals for one in proposal.body.narrowings):
        made = f"Narrowed {_stamp(narrowing.at)} by {unmarked(narrowing.name)}"
        what = "; ".join(unmarked(one.text) for one in narrowing.differences)
        yield f"- {made}: {what}{_ledger(cite, narrowing.of, EntryKind.NARROWED)}"
    for decision in dossier.decisions:
        verb = "Approved" if decision.choice is Choice.APPROVE else "Rejected"
        why = f": {unmarked(decision.reason)}" if decision.reason else ""
        source = _ledger(cite, decision.digest, EntryKind.DECIDED)
        who = f"by {unmarked(decision.person.name)} ({decision.channel.value})"
        yield f"- {verb} {_stamp(decision.at)} {who}{why}{source}"
    for execution in dossier.executions:
        what = "Undo" if execution.undo else "Execution"
        at = execution.ended_at or execution.dispatched_at or execution.approved_at
        detail = f": {unmarked(execution.detail)}" if execution.detail else ""
        kinds = (EntryKind.UNDO_DISPATCHED, EntryKind.UNDONE) if execution.undo else DEEDS
        yield f"- {what} {_stamp(at)} {execution.status.value}{detail}{_ledger(cite, execution.digest, *kinds)}"


def _ledger(cite: Citations, digest: ProposalDigest, *kinds: EntryKind) -> str:
    return cite.read_from(entries=kinds, about=digest) or cite.on_page("decision", "the decision and its execution")


def _actions(proposal: Proposal) -> str:
    return "; ".join(unmarked(action.summary) for action in proposal.body.actions)


def _helped(verification: Verification | None, cite: Citations) -> Iterator[str]:
    if verification is None:
        return
    source = _judged(verification, cite)
    yield f"{verification.outcome.value.capitalize()}: {unmarked(verification.reason)}{source}"
    yield ""
    for result in verification.results:
        held = {True: "held", False: "not held", None: "could not be read"}[result.held]
        yield f"- {unmarked(result.text)} ({result.check.role.value}, {held}){source}"


def _went_well(dossier: Dossier, times: Milestones, cite: Citations) -> Iterator[str]:
    """Only what the records themselves show; people add what they saw."""
    if times.diagnosed and dossier.diagnosis and dossier.diagnosis.leading:
        took = duration((times.diagnosed - times.noticed).total_seconds())
        yield f"- The cause was named {took} after the first alert was taken in.{_diagnosed(cite)}"
    verification = dossier.verification
    if verification and verification.outcome is Outcome.VERIFIED:
        yield f"- The change helped, and nothing that was watched worsened.{_judged(verification, cite)}"
    if verification and verification.outcome is Outcome.UNDONE:
        yield f"- The change that did not help was taken back.{_judged(verification, cite)}"


def _durations(times: Milestones, cite: Citations) -> Iterator[str]:
    alerted = (EntryKind.INCIDENT_OPENED,)
    steps = (
        ("from the onset to the first alert", times.began, times.alerted, alerted),
        ("from the alert to the diagnosis", times.alerted, times.diagnosed, (EntryKind.DIAGNOSED,)),
        ("from the alert to a proposal", times.alerted, times.proposed, (EntryKind.PROPOSED,)),
        ("from the proposal to the approval", times.proposed or times.alerted, times.decided, (EntryKind.DECIDED,)),
        ("from the approval to the change", times.decided or times.alerted, times.acted, DEEDS),
        ("from the onset to the end", times.began, times.ended, ENDINGS),
    )
    for name, start, end, kinds in steps:
        took: timedelta | None = lasted(start, end)
        if took is not None:
            source = cite.read_from(entries=kinds) or cite.on_page("h-timeline", "the timeline of the incident")
            yield f"- {duration(took.total_seconds())} {name}{source}"


def _timeline(dossier: Dossier, cite: Citations) -> Iterator[str]:
    events = sorted(dossier.timeline, key=lambda event: event.seq)
    for event in events[:MOST_LINES]:
        yield f"- [{_stamp(event.at)}]({cite.line(event.seq)}) {unmarked(event.actor)}: {unmarked(event.text)}"
    if len(events) > MOST_LINES:
        more = cite.on_page("h-log", "the timeline of the incident")
        yield f"- {len(events) - MOST_LINES} more events are in the console{more}"


def _follow_ups(dossier: Dossier, cite: Citations) -> Iterable[str]:
    return (f"- [ ] {unmarked(text)}{_diagnosed(cite)}" for text in dossier.follow_ups)


def _sources(cite: Citations) -> Iterator[str]:
    for number, place, said in cite.sources():
        evidence = cite.evidence_at(place)
        if evidence is None:
            yield f"- [{number}] {unmarked(said)}"
            continue
        link = f" ({evidence.link})" if evidence.link else ""
        yield f"- [{number}] `{evidence.id}` {unmarked(said)}: {_code(evidence.query)}{link}"


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _whole(text: str) -> str:
    """A sentence with its full stop."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _code(text: str) -> str:
    """A query as code; a backtick in it would end the code."""
    joined = " ".join(text.split()).replace("`", "'")
    return f"`{joined}`"
