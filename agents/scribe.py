"""The draft of the post-mortem, in markdown: every sentence from a record, none invented.

What a record does not say is left as a question for the people who were there. Text from outside is fenced or escaped.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from agents.citing import Citations
from agents.diagnostician.wording import label_of
from agents.felt import GRAPH_ONLY, distance
from agents.wording import count, duration, listed, looked_at, percent, unmarked
from incidents.approval import Choice
from incidents.course import TOIL_SECONDS_PER_OBSERVATION
from incidents.diagnosis import Diagnosis, Hypothesis, Verdict
from incidents.fact import Fact
from incidents.ids import EntityId, FactId, ProposalDigest
from incidents.incident import EventKind
from incidents.ledger import EntryKind
from incidents.postmortem import Dossier, Milestones, lasted, milestones
from incidents.proposal import Proposal
from incidents.verification import CheckRole, Outcome, Verification

NOTHING = "Nothing was recorded."

MOST_LINES = 60
"""Lines of the timeline that a reader follows; the whole is in the console."""
CHATTER = frozenset({EventKind.AGENT, EventKind.QUESTION, EventKind.FINDING})
"""How it was looked for: what came of it stands under the cause, with its sources."""
ROUTINE = "measured"
"""Beginning of the lines that a verification writes at every look."""
LONGEST_WHY = 80
"""Characters of why something could not be seen; what a system answered word for word is in the console."""

MOST_FELT = 8
"""Lines of impact that a reader follows; the case file has all."""
SENTENCES = ("Explains ", "Looked for ", "Nothing that ")
"""How arguments begin that the scorer words."""
HELD: Mapping[tuple[CheckRole, bool | None], str] = {
    (CheckRole.SUCCESS, True): "fixed",
    (CheckRole.SUCCESS, False): "not fixed",
    (CheckRole.SUCCESS, None): "could not be read",
    (CheckRole.GUARD, True): "not worse",
    (CheckRole.GUARD, False): "worse",
    (CheckRole.GUARD, None): "could not be read",
}
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
        ("What was done", _done(dossier, times, cite)),
        ("Did it help", _helped(dossier.verification, cite)),
        ("What went well", _went_well(dossier, times, cite)),
        ("How long it took", _durations(dossier, times, cite)),
        ("Timeline", _timeline(dossier, times, cite)),
        ("What would prevent it", _follow_ups(dossier, cite)),
        ("Questions for those who were there", (f"- {question}" for question in QUESTIONS)),
    ]
    head = [f"# Post-mortem: {unmarked(dossier.incident.title)}", "", _header(dossier, now=now), ""]
    body = [line for heading, lines in parts for line in (f"## {heading}", "", *(list(lines) or [NOTHING]), "")]
    tail = ["## Sources", "", *(list(_sources(cite)) or [NOTHING]), "", *cite.definitions()]
    return "\n".join([*head, *body, *tail]).rstrip() + "\n"


def _header(dossier: Dossier, *, now: datetime) -> str:
    incident, began = dossier.incident, milestones(dossier).began
    drafted = f"drafted {_stamp(now)} from {len(dossier.ledger)} ledger entries; to be completed by people"
    day = f"{began:%Y-%m-%d}, times in UTC"
    return (
        f"{incident.severity.label} · {incident.cluster} · {incident.id} · {incident.phase.value} · {day} · {drafted}"
    )


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
        yield f"It lasted {took}, from {_clock(times.began, times)} to {_clock(times.ended, times)}.{_ended(cite)}"


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
    blamed = {h.entity for h in (dossier.diagnosis.leading if dossier.diagnosis else ())}
    for fact in _felt(dossier.facts, explained, blamed):
        seen = cite.read_from(facts=(fact.id,)) or cite.on_page("h-going", "what was going on")
        yield f"- {unmarked(fact.text)}{seen}"
    alerts = listed(alert.name for alert in dossier.alerts)
    if alerts:
        source = cite.on_page("h-alerts", "the alerts")
        yield f"- Alerts: {unmarked(alerts)}, the first at {_clock(times.alerted, times)}.{source}"


def _felt(facts: Iterable[Fact], explained: Collection[FactId], blamed: Collection[EntityId]) -> list[Fact]:
    """What the cause accounts for, as users feel it first, where it is blamed before where it only shows.

    The same of the same entity is told once, and nothing under the name of a metric when there is anything else.
    """
    known = [fact for fact in facts if fact.id in explained]
    first = {(fact.kind, fact.entity): fact for fact in reversed(known)}
    near = [fact for fact in first.values() if not fact.kind.startswith(GRAPH_ONLY)] or list(first.values())
    return sorted(near, key=lambda fact: (distance(fact), fact.entity not in blamed))[:MOST_FELT]


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
    yield f"**{unmarked(hypothesis.title)}** at {label_of(hypothesis.entity)}."
    yield ""
    for says, points in (("for", hypothesis.speaks_for), ("against", hypothesis.speaks_against)):
        if points:
            yield f"**Speaks {says} it**"
            yield ""
        for point in sorted(points, key=lambda one: -abs(one.weight)):
            source = cite.read_from(evidence=point.evidence, facts=point.facts) or _diagnosed(cite)
            yield f"- {unmarked(_begun(point.text))}{source}"
        yield ""


def _ruled_out(diagnosis: Diagnosis | None, cite: Citations) -> Iterator[str]:
    for suspect in diagnosis.ruled_out if diagnosis else ():
        source = cite.read_from(evidence=suspect.evidence) or _diagnosed(cite)
        yield f"- {unmarked(suspect.suspicion)}: {unmarked(suspect.because)}{source}"


def _gaps(dossier: Dossier, cite: Citations) -> Iterator[str]:
    for gap in dict.fromkeys(dossier.gaps):
        source = cite.on_page("h-agents", "what the agents saw and did not")
        why = ": ".join(gap.why.split(": ")[:2])
        cut = why if len(why) <= LONGEST_WHY else f"{why[:LONGEST_WHY].rstrip()}…"
        yield f"- {unmarked(looked_at(gap.what))} ({gap.agent.value}: {unmarked(cut)}){source}"


def _done(dossier: Dossier, times: Milestones, cite: Citations) -> Iterator[str]:
    for proposal in dossier.proposals:
        clock, risk = _clock(proposal.body.created_at, times), proposal.body.risk.value
        made = f"Proposed at {clock}: {_actions(proposal)} (risk {risk})"
        yield f"- {made}{_ledger(cite, proposal.digest, EntryKind.PROPOSED, EntryKind.POLICY_DENIED)}"
    for narrowing in dict.fromkeys(one for proposal in dossier.proposals for one in proposal.body.narrowings):
        made = f"Narrowed at {_clock(narrowing.at, times)} by {unmarked(narrowing.name)}"
        what = "; ".join(unmarked(one.text) for one in narrowing.differences)
        yield f"- {made}: {what}{_ledger(cite, narrowing.of, EntryKind.NARROWED)}"
    for decision in dossier.decisions:
        verb = "Approved" if decision.choice is Choice.APPROVE else "Rejected"
        why = f": {unmarked(decision.reason)}" if decision.reason else ""
        source = _ledger(cite, decision.digest, EntryKind.DECIDED)
        who = f"by {unmarked(decision.person.name)} ({decision.channel.value})"
        yield f"- {verb} at {_clock(decision.at, times)} {who}{why}{source}"
    for execution in dossier.executions:
        what = "Undo" if execution.undo else "Execution"
        at = execution.ended_at or execution.dispatched_at or execution.approved_at
        detail = f": {unmarked(execution.detail)}" if execution.detail else ""
        kinds = (EntryKind.UNDO_DISPATCHED, EntryKind.UNDONE) if execution.undo else DEEDS
        went = f"{execution.status.value}{detail}{_ledger(cite, execution.digest, *kinds)}"
        yield f"- {what} at {_clock(at, times)}: {went}"


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
    said: dict[str, list[str]] = {}
    for result in verification.results:
        said.setdefault(result.text, []).append(HELD[result.check.role, result.held])
    for text, words in said.items():
        yield f"- {unmarked(text)}: {', '.join(dict.fromkeys(words))}{source}"


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


def _durations(dossier: Dossier, times: Milestones, cite: Citations) -> Iterator[str]:
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
    if looks := dossier.observations:
        seen = cite.on_page("h-agents", "what the agents saw and did not")
        by_hand = duration(looks * TOIL_SECONDS_PER_OBSERVATION)
        yield f"- Agents made {count(looks, 'observation')}: about {by_hand} by hand{seen}"


def _timeline(dossier: Dossier, times: Milestones, cite: Citations) -> Iterator[str]:
    events = sorted(dossier.timeline, key=lambda event: event.seq)
    told = [event for event in events if event.kind not in CHATTER and not event.text.startswith(ROUTINE)][:MOST_LINES]
    for event in told:
        at = f"[{_clock(event.at, times)}]({cite.line(event.seq)})"
        yield f"- {at} {unmarked(event.actor)}: {unmarked(event.text)}"
    if len(events) > len(told):
        more = cite.on_page("h-log", "the timeline of the incident")
        yield f"- How it was looked for, {count(len(events) - len(told), 'more line')}, is in the console{more}"


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


def _clock(at: datetime, times: Milestones) -> str:
    """The time of day, with the date when it is not the day on which it began: the header names that."""
    return at.strftime("%H:%M:%S") if at.date() == times.began.date() else at.strftime("%Y-%m-%d %H:%M:%S")


def _begun(text: str) -> str:
    """Arguments stand one below the other: those that are sentences begin small, like those that are facts."""
    return text[:1].lower() + text[1:] if text.startswith(SENTENCES) else text


def _whole(text: str) -> str:
    """A sentence with its full stop."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _code(text: str) -> str:
    """A query as code; a backtick in it would end the code."""
    joined = " ".join(text.split()).replace("`", "'")
    return f"`{joined}`"
