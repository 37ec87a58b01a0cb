"""Which stretch of time is looked at: long enough before the onset to know what is normal, until now. Pure."""

from datetime import datetime, timedelta

from incidents.casefile import Assignment, CaseFile
from incidents.finding import Topic
from incidents.value import Value

BEFORE = timedelta(minutes=75)
"""Before the onset: an hour of normal, and a quarter of one because alerts start later than the trouble."""
USAGE_BEFORE = timedelta(hours=3)
"""Before a moment that a colleague asks about: long enough for the peaks of a normal few hours."""
ALERTS_LATE = timedelta(minutes=10)
"""How much later than its onset trouble may have become an alert: `for` of kube-prometheus is 5 to 15 minutes."""


class Period(Value):
    """The stretch, and when the trouble is thought to have begun."""

    start: datetime
    onset: datetime
    end: datetime


def period_of(assignment: Assignment, case: CaseFile, *, now: datetime) -> Period:
    """The stretch for an assignment: around the onset, or before the moment that the question names."""
    onset = min(case.onset or case.incident.started_at, now)
    question = assignment.question
    if question is not None and question.before is not None and assignment.topic is Topic.USAGE_BEFORE:
        end = min(question.before, now)
        return Period(start=end - USAGE_BEFORE, onset=end, end=end)
    return Period(start=onset - BEFORE, onset=onset, end=now)
