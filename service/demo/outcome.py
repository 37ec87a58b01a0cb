"""What came of the demo's incident, as `--json` writes it and as the last lines in the terminal say it."""

from collections.abc import Sequence
from datetime import datetime

from incidents.approval import Decision
from incidents.execution import Execution
from incidents.ids import IncidentId
from incidents.incident import EventKind, Phase, TimelineEvent
from incidents.postmortem import Dossier
from incidents.proposal import Proposal
from incidents.value import Value
from incidents.verification import Verification
from orchestrator.dossier import load_dossier
from orchestrator.store.database import Store


class Done(Value):
    """One executed action."""

    action: str
    target: str
    status: str
    undo: bool
    detail: str


class Asked(Value):
    """The proposal."""

    digest: str
    actions: tuple[str, ...]


class Decided(Value):
    """The decision."""

    who: str
    when: datetime
    choice: str


class Verified(Value):
    """The verdict with its figures: measure and entity -> value."""

    verdict: str
    before: dict[str, float | None]
    after: dict[str, float | None]


class Seconds(Value):
    """Real seconds from the moment the first alert was taken in."""

    first_summary: float | None
    proposal: float | None
    verified: float | None


class Outcome(Value):
    """All of it."""

    incident: str
    phase: Phase
    cause: str | None
    entity: str | None
    evidence: int
    proposal: Asked | None
    decision: Decided | None
    execution: tuple[Done, ...]
    verification: Verified | None
    seconds: Seconds

    @property
    def good(self) -> bool:
        """Whether the incident ended verified."""
        return self.phase is Phase.VERIFIED


async def outcome_of(store: Store, incident: IncidentId, *, rate: float) -> Outcome:
    """Read it from the records. `rate` is how much faster than real time the demo's clock runs."""
    async with store.transaction() as tx:
        dossier = await load_dossier(tx, incident)
    leading = dossier.diagnosis.leading if dossier.diagnosis else ()
    proposal = dossier.proposals[-1] if dossier.proposals else None
    return Outcome(
        incident=incident,
        phase=dossier.incident.phase,
        cause=leading[0].cause if leading else None,
        entity=leading[0].entity if leading else None,
        evidence=len(dossier.evidence),
        proposal=_asked(proposal),
        decision=_decided(dossier.decisions),
        execution=tuple(_done(row, dossier.proposals) for row in dossier.executions),
        verification=_verified(dossier.verification),
        seconds=_seconds(dossier, rate=rate),
    )


def _asked(proposal: Proposal | None) -> Asked | None:
    if proposal is None:
        return None
    return Asked(digest=proposal.digest, actions=tuple(action.summary for action in proposal.body.actions))


def _decided(decisions: Sequence[Decision]) -> Decided | None:
    if not decisions:
        return None
    last = decisions[-1]
    return Decided(who=last.person.name, when=last.at, choice=last.choice.value)


def _done(row: Execution, proposals: Sequence[Proposal]) -> Done:
    proposal = next(item for item in proposals if item.digest == row.digest)
    request = proposal.body.actions[row.index].request
    return Done(action=request.kind, target=request.target, status=row.status.value, undo=row.undo, detail=row.detail)


def _verified(verdict: Verification | None) -> Verified | None:
    if verdict is None:
        return None
    names = [f"{result.check.measure} of {result.check.entity.split('/', 3)[-1]}" for result in verdict.results]
    return Verified(
        verdict=verdict.outcome.value,
        before={name: result.before for name, result in zip(names, verdict.results, strict=True)},
        after={name: result.after for name, result in zip(names, verdict.results, strict=True)},
    )


def _seconds(dossier: Dossier, *, rate: float) -> Seconds:
    def since(moment: datetime | None) -> float | None:
        return None if moment is None else round((moment - dossier.incident.opened_at).total_seconds() / rate, 2)

    return Seconds(
        first_summary=since(_first(dossier.timeline, EventKind.AGENT)),
        proposal=since(_first(dossier.timeline, EventKind.PROPOSAL)),
        verified=since(dossier.verification.ended_at if dossier.verification else None),
    )


def _first(timeline: Sequence[TimelineEvent], kind: EventKind) -> datetime | None:
    return next((event.at for event in timeline if event.kind is kind), None)
