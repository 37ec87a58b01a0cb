"""Answers to rules for many evaluations at once: a range query costs hardly more than a single instant query.

For a clock that has jumped, or a world that begins with a past: its rules are evaluated for the past in one go. Where a
rule reads what rules write, it has to wait for its turn.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from worlds.prometheus.rules import RecordingRule, RuleGroup
from worlds.promql.engine import Engine
from worlds.promql.errors import QueryError
from worlds.promql.result import Sample
from worlds.promql.storage import METRIC_NAME

_WRITTEN_BY_ALERTS = ("ALERTS", "ALERTS_FOR_STATE")


def written_by(groups: Sequence[RuleGroup]) -> tuple[str, ...]:
    """Names of the metrics that these rules write."""
    recorded = (rule.record for group in groups for rule in group.rules if isinstance(rule, RecordingRule))
    return (*_WRITTEN_BY_ALERTS, *recorded)


class AnswersAhead:
    """Keeps answers by rule (group and position) and time until they are taken."""

    def __init__(self, engine: Engine, groups: Sequence[RuleGroup]) -> None:
        self._engine = engine
        self._written = (METRIC_NAME, *written_by(groups))
        self._answers: dict[tuple[int, int], dict[int, list[Sample]]] = {}

    def ask(self, place: tuple[int, int], expr: str, *, first: datetime, count: int, every: timedelta) -> None:
        """Evaluate a rule at `count` moments. What fails is left to the rule's turn, which reports the failure."""
        if any(name in expr for name in self._written):
            return
        start = first.timestamp()
        stamps = [_milliseconds(first + every * number) for number in range(count)]
        try:
            found = self._engine.range(expr, start=start, end=stamps[-1] / 1000, step=every.total_seconds())
        except QueryError:
            return
        answers: dict[int, list[Sample]] = {stamp: [] for stamp in stamps}
        for run in found.runs:
            for time, value in zip(run.times, run.values, strict=True):
                answers[round(time * 1000)].append(Sample(labels=run.labels, time=time, value=value))
        self._answers[place] = answers

    def take(self, place: tuple[int, int], at: datetime) -> Sequence[Sample] | None:
        """Return the answer for this moment, if there is one, and forget it."""
        return self._answers.get(place, {}).pop(_milliseconds(at), None)


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
