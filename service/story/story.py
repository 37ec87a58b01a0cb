"""The three answers that a person wants first: what is going on, what caused it, what can I do next. Pure.

Every sentence comes from a fact, an argument or a row, and carries the evidence that it was read from.
"""

from collections.abc import Iterable, Sequence

from agents.felt import distance
from incidents.casefile import CaseFile
from incidents.diagnosis import Argument, Hypothesis, Verdict
from incidents.evidence import Evidence
from incidents.fact import FactRole
from incidents.finding import RuledOut
from incidents.ids import EvidenceId, FactId
from incidents.incident import Phase
from incidents.proposal import ProposalStatus
from incidents.value import Value
from service.story.gaps import Unseen, unseen_once
from service.story.narrowing import being_narrowed
from service.story.record import IncidentRecord, ProposalRecord
from service.story.words import hm, name, span

MOST_SYMPTOMS = 4
MOST_REASONS = 5
MOST_RULED_OUT = 3


class Sentence(Value):
    """A sentence with what it rests on."""

    text: str
    evidence: tuple[Evidence, ...] = ()
    facts: int = 0
    """How many facts it was read from."""


class Suspect(Value):
    """A leading hypothesis as the page tells it."""

    hypothesis: Hypothesis
    statement: Sentence
    reasons: tuple[Sentence, ...]
    doubts: tuple[Sentence, ...]


class Story(Value):
    """What the left column says."""

    going_on: tuple[Sentence, ...]
    impact: str
    """Since when, how many alerts: the line under the title."""
    suspects: tuple[Suspect, ...]
    no_cause: str
    """Why there is no cause to show; empty when there is one."""
    ruled_out: tuple[Sentence, ...]
    """What was suspected, and why it is not it."""
    unseen: tuple[Unseen, ...]
    """What could not be looked at, each once."""
    next_step: str
    stale: bool
    """Still being looked at: the first guess may change."""


def story_of(record: IncidentRecord) -> Story:
    """Tell it."""
    index = Sources(record.case)
    leading = record.diagnosis.leading if record.diagnosis else ()
    return Story(
        going_on=_going_on(record, index),
        impact=_impact(record),
        suspects=tuple(_suspect(hypothesis, index) for hypothesis in leading),
        no_cause="" if leading else _no_cause(record),
        ruled_out=_ruled_out(record, index),
        unseen=unseen_once(record.case.gaps),
        next_step=_next_step(record),
        stale=record.incident.phase in (Phase.OPEN, Phase.INVESTIGATING),
    )


class Sources:
    """Looks evidence up by id, and by the facts that were read from it."""

    def __init__(self, case: CaseFile) -> None:
        """What the case holds."""
        self._evidence = {item.id: item for item in case.evidence}
        self._facts = {fact.id: fact for fact in case.facts}

    def of(self, *, facts: Iterable[FactId] = (), evidence: Iterable[EvidenceId] = ()) -> tuple[Evidence, ...]:
        """The evidence behind these facts, and these observations, each once. What is not in the case is left out."""
        ids = [*evidence, *(e for fact in facts for e in self._cited(fact))]
        return tuple(self._evidence[id_] for id_ in dict.fromkeys(ids) if id_ in self._evidence)

    def sentence(self, text: str, *, facts: Sequence[FactId] = (), evidence: Sequence[EvidenceId] = ()) -> Sentence:
        """A sentence with its evidence."""
        return Sentence(text=text, evidence=self.of(facts=facts, evidence=evidence), facts=len(facts))

    def _cited(self, fact: FactId) -> tuple[EvidenceId, ...]:
        return self._facts[fact].evidence if fact in self._facts else ()


def current_proposal(record: IncidentRecord) -> ProposalRecord | None:
    """The proposal that the page is about: the newest that was not withdrawn, else the newest."""
    standing = [p for p in record.proposals if p.status is not ProposalStatus.SUPERSEDED] or list(record.proposals)
    return standing[-1] if standing else None


def _going_on(record: IncidentRecord, index: Sources) -> tuple[Sentence, ...]:
    symptoms = [f for f in record.case.facts if f.role is FactRole.SYMPTOM and f.kind != "alert.also_firing"]
    nearest = {entity: place for place, entity in enumerate(record.case.focus)}
    symptoms.sort(key=lambda fact: (nearest.get(fact.entity, len(nearest)), distance(fact)))
    first = {(fact.kind, fact.entity, fact.text.partition(" since ")[0]): fact for fact in reversed(symptoms)}
    once = [fact for fact in symptoms if fact in first.values()]
    told = [index.sentence(fact.text, facts=(fact.id,)) for fact in once[:MOST_SYMPTOMS]]
    return tuple(told) or tuple(Sentence(text=alert.alert.summary) for alert in record.alerts[:MOST_SYMPTOMS])


def _impact(record: IncidentRecord) -> str:
    firing = sum(1 for joined in record.alerts if joined.alert.ends_at is None)
    since = record.case.onset or record.incident.started_at
    end = record.incident.closed_at
    lasted = f"lasted {span(since, end)}" if end else f"since {hm(since)}, {span(since, record.now)}"
    alerts = f"{firing} of {len(record.alerts)} alerts firing" if record.alerts else "no alerts"
    return f"{lasted} · {alerts}"


def _suspect(hypothesis: Hypothesis, index: Sources) -> Suspect:
    return Suspect(
        hypothesis=hypothesis,
        statement=index.sentence(
            hypothesis.statement, facts=[f for argument in hypothesis.speaks_for for f in argument.facts]
        ),
        reasons=_arguments(hypothesis.speaks_for, index),
        doubts=_arguments(hypothesis.speaks_against, index),
    )


def _arguments(arguments: Sequence[Argument], index: Sources) -> tuple[Sentence, ...]:
    strongest = sorted(arguments, key=lambda argument: -abs(argument.weight))[:MOST_REASONS]
    return tuple(index.sentence(a.text, facts=a.facts, evidence=a.evidence) for a in strongest)


def _no_cause(record: IncidentRecord) -> str:
    if record.diagnosis is not None and record.diagnosis.verdict is Verdict.INCONCLUSIVE:
        return record.diagnosis.reason
    if record.incident.phase is Phase.RESOLVED:
        return "The alerts resolved before a cause was found."
    return "Still looking. What the agents find appears here as they find it."


def _ruled_out(record: IncidentRecord, index: Sources) -> tuple[Sentence, ...]:
    diagnosed = record.diagnosis.ruled_out if record.diagnosis else ()
    found: list[RuledOut] = [*diagnosed, *(item for finding in record.case.findings for item in finding.ruled_out)]
    items = list({(item.suspicion, item.entity): item for item in reversed(found)}.values())[::-1][:MOST_RULED_OUT]
    return tuple(index.sentence(f"{item.suspicion}: {item.because}", evidence=item.evidence) for item in items)


NEXT_STEPS = {
    Phase.OPEN: "Nothing yet: a proposal appears here when the cause is clear enough to act on.",
    Phase.INVESTIGATING: "Nothing yet: a proposal appears here when the cause is clear enough to act on.",
    Phase.EXECUTING: "An approved change is being made. It can be watched here; nothing else is started meanwhile.",
    Phase.VERIFYING: "The change is made. Its checks are measured until they hold, or it is taken back.",
    Phase.VERIFIED: "Nothing: telemetry says that it is fixed. Read and complete the post-mortem.",
    Phase.RESOLVED: "Nothing: all alerts resolved without a change by Midwatch.",
}


HANDED_OVER = {
    Phase.REJECTED: "Nothing was changed. People own it now; Look again makes a new proposal.",
    Phase.EXPIRED: "Nothing was changed. People own it now; Look again makes a new proposal.",
    Phase.INCONCLUSIVE: "Nothing was changed. People own it now; Look again when there is more to see.",
    Phase.UNDONE: "The change is taken back. People own it now.",
}


def _next_step(record: IncidentRecord) -> str:
    proposal, phase = current_proposal(record), record.incident.phase
    if phase is Phase.AWAITING_DECISION and proposal is not None:
        what = "; ".join(action.summary for action in proposal.body.actions)
        return f"{what}. {_who(proposal)}"
    if narrowed := being_narrowed(record):
        return f"{narrowed}. It is previewed and rehearsed anew, and stands here in seconds."
    if phase is Phase.RESOLVED and any(proposal.steps for proposal in record.proposals):
        return "Nothing: all alerts resolved. What Midwatch did before that stands with its proposal."
    owners = ", ".join(name(entity) for entity in record.incident.entities[:2]) or "the service"
    theirs = f"{HANDED_OVER.get(phase, 'People own it now.')} Start at {owners}."
    return NEXT_STEPS.get(phase, theirs)


def _who(proposal: ProposalRecord) -> str:
    policy = proposal.body.policy
    roles = " or ".join(policy.approvers).replace("oncall", "on-call") or "nobody"
    people = "One person" if policy.approvals == 1 else f"{policy.approvals} people"
    return f"{people} of {roles} decides." if policy.approvals == 1 else f"{people} of {roles} decide."
