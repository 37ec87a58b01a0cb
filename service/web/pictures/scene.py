"""What happened when, chosen for the timeline's picture: marks and stretches on lanes, failed requests below. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import ValidationError

from incidents.approval import Choice
from incidents.entity import Entity
from incidents.evidence import Evidence
from incidents.fact import Fact, FactRole
from incidents.finding import AgentName
from incidents.incident import CLOSED, SETTLED, EventKind
from incidents.value import Value
from service.story.record import IncidentRecord, ProposalRecord
from tools.prometheus.probes.red import RedView

BACK = timedelta(hours=2)
"""Changes longer before the onset are not shown: they would squeeze everything else."""
TEAM = frozenset(AgentName) - {AgentName.SUPERVISOR, AgentName.PLANNER, AgentName.SCRIBE}


class Lane(StrEnum):
    """Rows from top to bottom."""

    ALERTS = "alerts"
    CHANGES = "changes"
    FINDINGS = "findings"
    DECISION = "decision"
    EXECUTION = "execution"


class Mark(Value):
    """Something at one moment."""

    lane: Lane
    at: datetime
    label: str
    tone: str
    """What the picture knows: alert, change, cause, finding, approve, reject, propose, good, bad."""


class Stretch(Value):
    """Something that lasted."""

    lane: Lane
    start: datetime
    end: datetime
    label: str
    tone: str
    """alert, wait, run, watch, good, bad."""
    open: bool = False
    """It lasts still."""


class Series(Value):
    """The share of requests that failed."""

    name: str
    points: tuple[tuple[datetime, float], ...]


class Scene(Value):
    """What the picture shows."""

    start: datetime
    end: datetime
    onset: datetime | None
    now: datetime | None
    """None when nothing goes on any more."""
    marks: tuple[Mark, ...]
    stretches: tuple[Stretch, ...]
    series: Series | None


def scene_of(record: IncidentRecord, proposal: ProposalRecord | None, red: Sequence[Evidence]) -> Scene:
    """Choose."""
    onset = record.case.onset
    live = record.incident.phase not in SETTLED
    end = record.now if live else _last(record, proposal)
    stretches = (*_alerts(record, end), *(_carried_out(proposal, end) if proposal else ()))
    marks = (*_changes(record, onset), *_findings(record), *(_decisions(proposal) if proposal else ()))
    first = min([m.at for m in marks] + [s.start for s in stretches] + [t for t in (onset,) if t], default=end)
    margin = max(timedelta(seconds=30), (end - first) * 0.06)
    return Scene(
        start=first - margin,
        end=end + (margin / 3 if live else margin * 1.6),
        onset=onset,
        now=record.now if live else None,
        marks=marks,
        stretches=stretches,
        series=_failures(record, proposal, red),
    )


def _last(record: IncidentRecord, proposal: ProposalRecord | None) -> datetime:
    """When the last thing happened that the picture shows."""
    told = [e.at for e in record.timeline if e.kind is not EventKind.NOTE]
    measured = [m.at for m in proposal.measurements] if proposal else []
    return max([*told, *measured, record.incident.started_at])


def _alerts(record: IncidentRecord, end: datetime) -> Iterable[Stretch]:
    """One stretch for all alerts: from the first that fired to the last that ended."""
    if not record.alerts:
        return
    firing = [j for j in record.alerts if j.alert.ends_at is None]
    begun = min(j.alert.starts_at for j in record.alerts)
    ended = end if firing else max(j.alert.ends_at for j in record.alerts if j.alert.ends_at)
    names = list(dict.fromkeys(j.alert.name for j in record.alerts))
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    closed = record.incident.phase in CLOSED
    yield Stretch(
        lane=Lane.ALERTS,
        start=begun,
        end=max(begun, min(ended, end)),
        label=names[0] + more,
        tone="alert",
        open=bool(firing) and not closed,
    )


def _changes(record: IncidentRecord, onset: datetime | None) -> Iterable[Mark]:
    causes = {h.change for h in record.diagnosis.leading} if record.diagnosis else set()
    changes = [f for f in record.case.facts if f.role is FactRole.CHANGE and f.at and f.kind != "change.near_onset"]
    recent = [f for f in changes if onset is None or f.at is None or f.at >= onset - BACK]
    for moment, facts in _by_moment(recent).items():
        told = next((f for f in facts if f.id in causes), facts[0])
        cause = any(f.id in causes for f in facts)
        yield Mark(lane=Lane.CHANGES, at=moment, label=told.text, tone="cause" if cause else "change")


def _by_moment(facts: Sequence[Fact]) -> dict[datetime, list[Fact]]:
    """One deploy is many facts: those of one entity within the same second are one mark."""
    found: dict[tuple[datetime, str], list[Fact]] = {}
    for fact in sorted(facts, key=lambda f: (f.at or f.strength, f.kind)):
        if fact.at is not None:
            found.setdefault((fact.at.replace(microsecond=0), fact.entity), []).append(fact)
    return {moment: together for (moment, _), together in found.items()}


def _findings(record: IncidentRecord) -> Iterable[Mark]:
    kinds = (EventKind.FINDING, EventKind.HYPOTHESIS)
    for event in record.timeline:
        if event.kind in kinds:
            yield Mark(lane=Lane.FINDINGS, at=event.at, label=f"{event.actor}: {event.text}", tone="finding")


def _decisions(proposal: ProposalRecord) -> Iterable[Mark]:
    yield Mark(lane=Lane.DECISION, at=proposal.body.created_at, label="proposed", tone="propose")
    for decision in proposal.decisions:
        word = "approved" if decision.choice is Choice.APPROVE else "rejected"
        yield Mark(
            lane=Lane.DECISION,
            at=decision.at,
            label=f"{word} by {decision.person.name}",
            tone="approve" if decision.choice is Choice.APPROVE else "reject",
        )


def _carried_out(proposal: ProposalRecord, end: datetime) -> Iterable[Stretch]:
    waited = proposal.decided_at or end
    yield Stretch(
        lane=Lane.DECISION,
        start=proposal.body.created_at,
        end=max(proposal.body.created_at, min(waited, end)),
        label="waiting for people",
        tone="wait",
        open=proposal.decided_at is None,
    )
    for step in proposal.steps:
        row = step.execution
        if row.dispatched_at is not None:
            what = "undo" if row.undo else proposal.body.actions[row.index].summary
            yield Stretch(
                lane=Lane.EXECUTION,
                start=row.dispatched_at,
                end=row.ended_at or end,
                label=what,
                tone="bad" if row.undo else "run",
                open=row.ended_at is None,
            )
    yield from _watch(proposal)


def _watch(proposal: ProposalRecord) -> Iterable[Stretch]:
    ends = [s.execution.ended_at for s in proposal.steps if s.execution.ended_at and not s.execution.undo]
    if not ends or not proposal.measurements:
        return
    verdict = proposal.verification
    last = verdict.ended_at if verdict else max(m.at for m in proposal.measurements)
    label = verdict.outcome.value if verdict else "watching"
    tone = {"verified": "good", "watching": "watch"}.get(label, "bad")
    yield Stretch(lane=Lane.EXECUTION, start=max(ends), end=last, label=label, tone=tone, open=verdict is None)


def red_views(red: Sequence[Evidence]) -> list[RedView]:
    """What was seen of requests. A body that was cut is no JSON any more and is left out."""
    found = []
    for evidence in red:
        try:
            found.append(RedView.model_validate_json(evidence.body))
        except ValidationError:
            continue
    return found


def _failures(record: IncidentRecord, proposal: ProposalRecord | None, red: Sequence[Evidence]) -> Series | None:
    """The curve of the entity that fails most; what was measured after an execution continues it."""
    curves = [(view.entity, tuple(view.error_ratio.points())) for view in red_views(red) if view.error_ratio]
    curves = [(entity, points) for entity, points in curves if points]
    if not curves:
        return None
    blamed = set(record.incident.entities)
    entity, points = max(curves, key=lambda curve: (curve[0] in blamed, max(value for _, value in curve[1])))
    checks = proposal.body.checks if proposal else ()
    errors = {i for i, check in enumerate(checks) if check.measure == "error_rate" and check.entity == entity}
    later = [
        (m.at, m.value)
        for m in (proposal.measurements if proposal else ())
        if m.check in errors and m.value is not None and m.at > points[-1][0]
    ]
    return Series(name=f"failed requests of {Entity.parse(entity).label}", points=(*points, *later))
