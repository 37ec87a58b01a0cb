"""The course of incidents in times and counts: what MTTD, MTTA, MTTR, waiting and recurrence mean. Pure.

docs/metrics.md gives the same definitions to people; whoever changes one here changes it there.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from statistics import fmean, median

from incidents.alert import Severity
from incidents.ids import CauseSlug, EntityId, IncidentId
from incidents.incident import Phase
from incidents.value import Value
from incidents.verification import Outcome

RECURS_WITHIN = timedelta(days=30)
"""The same cause at the same place again within that time is a recurrence; later it is a new story."""
TOIL_SECONDS_PER_OBSERVATION = 60.0
"""What one look costs a person: open the tool, find the object, set the window, read. A guess, and said to be one."""


class Course(Value):
    """When one incident reached which step; None for a step that it did not reach."""

    incident: IncidentId
    title: str
    severity: Severity
    phase: Phase
    cluster: str
    began: datetime
    """The onset, where the diagnosis dates it; else the first alert."""
    alerted: datetime
    """The earliest startsAt of its alerts."""
    noticed: datetime
    """When Midwatch took the first alert in."""
    diagnosed: datetime | None = None
    """The first diagnosis with a cause."""
    proposed: datetime | None = None
    answered: datetime | None = None
    """The first decision of a person."""
    ended: datetime | None = None
    """When it was closed: verified, or its alerts resolved."""
    waited: float = 0.0
    """Seconds that proposals lay before people, undecided."""
    observations: int = 0
    cause: CauseSlug | None = None
    cause_title: str = ""
    entity: EntityId | None = None
    outcome: Outcome | None = None
    """What telemetry said of the last executed proposal."""


class Span(Value):
    """One of the times over many incidents, in seconds. `count` is how many reached both ends of it."""

    name: str
    count: int
    mean: float | None
    median: float | None


class CauseCount(Value):
    """How often one cause was found, and what became of its fixes."""

    cause: CauseSlug
    title: str
    count: int
    executed: int
    verified: int
    recurred: int


class Statistics(Value):
    """A period in figures."""

    since: datetime
    until: datetime
    incidents: int
    by_phase: dict[str, int]
    by_severity: dict[str, int]
    spans: tuple[Span, ...]
    executed: int
    verified: int
    undone: int
    waited: float
    """Seconds for people, all incidents together."""
    recurred: tuple[Course, ...]
    """Incidents whose cause was at the same place before."""
    causes: tuple[CauseCount, ...]
    """Most frequent first."""
    observations: int

    @property
    def toil_saved(self) -> float:
        """Seconds that looking at as much by hand would have taken, at a minute a look."""
        return self.observations * TOIL_SECONDS_PER_OBSERVATION

    def span(self, name: str) -> Span:
        """One of the times by its name. Raises KeyError."""
        return {one.name: one for one in self.spans}[name]


SPANS: tuple[tuple[str, Callable[[Course], datetime], Callable[[Course], datetime | None]], ...] = (
    ("detect", lambda c: c.began, lambda c: c.noticed),
    ("diagnose", lambda c: c.noticed, lambda c: c.diagnosed),
    ("propose", lambda c: c.noticed, lambda c: c.proposed),
    ("acknowledge", lambda c: c.noticed, lambda c: c.answered),
    ("restore", lambda c: c.alerted, lambda c: c.ended),
)
"""Name of a time -> where it begins and where it ends: MTTD, time to diagnosis and proposal, MTTA, MTTR."""


def statistics(courses: Sequence[Course], *, since: datetime, until: datetime) -> Statistics:
    """Figures of the incidents noticed in [since, until). Earlier ones among `courses` only tell what recurred."""
    chosen = [course for course in courses if since <= course.noticed < until]
    again = frozenset(course.incident for course in recurrences(courses))
    outcomes = Counter(course.outcome for course in chosen)
    return Statistics(
        since=since,
        until=until,
        incidents=len(chosen),
        by_phase=dict(Counter(course.phase.value for course in chosen)),
        by_severity=dict(sorted(Counter(course.severity.label for course in chosen).items())),
        spans=tuple(_span(name, chosen, start, end) for name, start, end in SPANS),
        executed=sum(1 for course in chosen if course.outcome),
        verified=outcomes[Outcome.VERIFIED],
        undone=outcomes[Outcome.UNDONE],
        waited=sum(course.waited for course in chosen),
        recurred=tuple(course for course in chosen if course.incident in again),
        causes=_causes(chosen, again),
        observations=sum(course.observations for course in chosen),
    )


def recurrences(courses: Iterable[Course]) -> tuple[Course, ...]:
    """Those whose cause was at the same place in an incident noticed at most 30 days before."""
    last: dict[tuple[CauseSlug, EntityId], datetime] = {}
    found = []
    for course in sorted(courses, key=lambda one: one.noticed):
        if course.cause is None or course.entity is None:
            continue
        key = (course.cause, course.entity)
        before = last.get(key)
        if before is not None and course.noticed - before <= RECURS_WITHIN:
            found.append(course)
        last[key] = course.noticed
    return tuple(found)


def _span(
    name: str,
    courses: Iterable[Course],
    start: Callable[[Course], datetime],
    end: Callable[[Course], datetime | None],
) -> Span:
    seconds = [max(0.0, (to - start(course)).total_seconds()) for course in courses if (to := end(course))]
    return Span(
        name=name,
        count=len(seconds),
        mean=fmean(seconds) if seconds else None,
        median=median(seconds) if seconds else None,
    )


def _causes(courses: Sequence[Course], again: frozenset[IncidentId]) -> tuple[CauseCount, ...]:
    by_cause: dict[CauseSlug, list[Course]] = {}
    for course in courses:
        if course.cause is not None:
            by_cause.setdefault(course.cause, []).append(course)
    counts = [
        CauseCount(
            cause=cause,
            title=found[-1].cause_title,
            count=len(found),
            executed=sum(1 for one in found if one.outcome),
            verified=sum(1 for one in found if one.outcome is Outcome.VERIFIED),
            recurred=sum(1 for one in found if one.incident in again),
        )
        for cause, found in by_cause.items()
    ]
    return tuple(sorted(counts, key=lambda one: (-one.count, one.cause)))
