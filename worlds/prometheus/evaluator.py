"""Rule evaluation in virtual time: which alerts are pending, firing, resolved, and what Alertmanager is to be told.

Pure but for its own memory: `step(now)` runs every evaluation that is due up to `now`, each at its own moment, so a
clock that jumps by minutes gives the same alerts as one that creeps.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from urllib.parse import quote_plus

from worlds.alertmanager.alert import ALERT_NAME, PostedAlert
from worlds.prometheus.ahead import AnswersAhead, written_by
from worlds.prometheus.instance import AlertInstance, AlertState
from worlds.prometheus.recorded import LayeredStorage, RecordedSeries
from worlds.prometheus.rules import AlertingRule, RecordingRule, Rule, RuleGroup
from worlds.prometheus.template import TemplateData, expand
from worlds.promql.engine import Engine
from worlds.promql.errors import ExecutionError, QueryError
from worlds.promql.labels import LabelKey, key_of, without_name
from worlds.promql.result import MatrixResult, Sample, ScalarResult, StringResult, VectorResult
from worlds.promql.storage import METRIC_NAME, Storage


@dataclass(frozen=True, kw_only=True)
class RuleStatus:
    """How the last evaluation of a rule went. `error` is "" when it went well."""

    evaluated_at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class External:
    """How this Prometheus presents itself to others: labels added to every alert, and the address in links."""

    url: str = "http://prometheus.monitoring.svc:9090"
    labels: Mapping[str, str] = field(default_factory=dict)


class RuleEvaluator:
    """Evaluates rule groups over a storage, from `start` on, once per interval."""

    def __init__(
        self, groups: Sequence[RuleGroup], *, storage: Storage, start: datetime, external: External | None = None
    ) -> None:
        self.groups = tuple(groups)
        self.external = external or External()
        self._recorded = RecordedSeries(written_by(self.groups))
        self.engine = Engine(storage=LayeredStorage(base=storage, recorded=self._recorded))
        self._ahead = AnswersAhead(self.engine, self.groups)
        self._due = [start for _ in self.groups]
        self._active: dict[tuple[int, int], dict[LabelKey, AlertInstance]] = {}
        self._status: dict[tuple[int, int], RuleStatus] = {}

    def when_read(self, catch_up: Callable[[], None]) -> None:
        """Have `catch_up` called before anything is read that evaluations write: for who makes them only then."""
        self._recorded.before_reading = catch_up

    def next_due(self) -> datetime | None:
        """Return when the next evaluation is due; None without rules."""
        return min(self._due, default=None)

    def look_ahead(self, now: datetime) -> None:
        """Evaluate what is due up to `now` in one go per rule, for `step` to use. The storage must have reached `now`.

        Without it every evaluation is made at its own moment: the answers are the same, a long past takes longer.
        """
        for number, (group, due) in enumerate(zip(self.groups, self._due, strict=True)):
            count = (now - due) // group.interval + 1
            if count > 1:
                for index, rule in enumerate(group.rules):
                    self._ahead.ask((number, index), rule.expr, first=due, count=count, every=group.interval)

    def step(self, now: datetime) -> list[PostedAlert]:
        """Run the evaluations due up to and including `now`, in order; return what Alertmanager is to be told."""
        posted: list[PostedAlert] = []
        while (due := self.next_due()) is not None and due <= now:
            number = self._due.index(due)
            posted += self._evaluate_group(number, due)
            self._due[number] = due + self.groups[number].interval
        return posted

    def alerts_of(self, group: int, rule: int) -> list[AlertInstance]:
        """Return the pending and firing alerts of one rule, by its position."""
        self._recorded.before_reading()
        instances = self._active.get((group, rule), {}).values()
        return [one for one in instances if one.state is not AlertState.INACTIVE]

    def status_of(self, group: int, rule: int) -> RuleStatus:
        """Return how the rule's last evaluation went."""
        self._recorded.before_reading()
        return self._status.get((group, rule), RuleStatus())

    def _evaluate_group(self, number: int, at: datetime) -> list[PostedAlert]:
        posted: list[PostedAlert] = []
        for index, rule in enumerate(self.groups[number].rules):
            place = (number, index)
            try:
                posted += self._evaluate(place, rule, at)
                self._status[place] = RuleStatus(evaluated_at=at)
            except QueryError as error:
                self._status[place] = RuleStatus(evaluated_at=at, error=str(error))
        return posted

    def _evaluate(self, place: tuple[int, int], rule: Rule, at: datetime) -> list[PostedAlert]:
        answered = self._ahead.take(place, at)
        samples = self._query(rule.expr, at) if answered is None else answered
        if isinstance(rule, RecordingRule):
            results = [({**without_name(s.labels), **rule.labels, METRIC_NAME: rule.record}, s.value) for s in samples]
            self._recorded.record(f"{place}", results, time=at.timestamp())
            return []
        active = self._moved_on(place, rule, samples, at)
        self._record_alerts(place, active, at)
        interval = self.groups[place[0]].interval
        posted = []
        for key, one in active.items():
            if one.needs_sending(at):
                active[key] = replace(one, last_sent_at=at)
                posted.append(self._posted(one, rule, interval=interval, at=at))
        self._active[place] = active
        return posted

    def _moved_on(
        self, place: tuple[int, int], rule: AlertingRule, samples: Sequence[Sample], at: datetime
    ) -> dict[LabelKey, AlertInstance]:
        before, now_true = self._active.get(place, {}), self._instances(rule, samples, at)
        after: dict[LabelKey, AlertInstance] = {}
        for key, fresh in now_true.items():
            known = before.get(key)
            if known is not None and known.state is not AlertState.INACTIVE:
                fresh = known.seen(annotations=fresh.annotations, value=fresh.value)  # noqa: PLW2901 -- same alert
            after[key] = fresh.held(hold=rule.hold, now=at)
        for key, known in before.items():
            if key not in now_true and (kept := known.missed(keep_firing_for=rule.keep_firing_for, now=at)):
                after[key] = kept
        return after

    def _instances(self, rule: AlertingRule, samples: Sequence[Sample], at: datetime) -> dict[LabelKey, AlertInstance]:
        found: dict[LabelKey, AlertInstance] = {}
        for sample in samples:
            instance = self._instance(rule, sample, at)
            key = key_of(instance.labels)
            if key in found:
                raise ExecutionError("vector contains metrics with the same labelset after applying alert labels")
            found[key] = instance
        return found

    def _instance(self, rule: AlertingRule, sample: Sample, at: datetime) -> AlertInstance:
        data = TemplateData(
            labels=without_name(sample.labels),
            value=sample.value,
            query=lambda text: self._query(text, at),
            external_labels=self.external.labels,
            external_url=self.external.url,
        )
        own = {name: expand(text, data) for name, text in rule.labels.items()}
        labels = {**data.labels, **own, ALERT_NAME: rule.alert}
        return AlertInstance(
            labels={name: value for name, value in labels.items() if value},
            annotations={name: expand(text, data) for name, text in rule.annotations.items()},
            value=sample.value,
            state=AlertState.PENDING,
            active_at=at,
        )

    def _record_alerts(self, place: tuple[int, int], active: Mapping[LabelKey, AlertInstance], at: datetime) -> None:
        results: list[tuple[Mapping[str, str], float]] = []
        for one in active.values():
            if one.state is not AlertState.INACTIVE:
                results.append(({**one.labels, METRIC_NAME: "ALERTS", "alertstate": one.state.value}, 1.0))
                results.append(({**one.labels, METRIC_NAME: "ALERTS_FOR_STATE"}, one.active_at.timestamp()))
        self._recorded.record(f"{place}", results, time=at.timestamp())

    def _posted(self, one: AlertInstance, rule: AlertingRule, *, interval: timedelta, at: datetime) -> PostedAlert:
        return PostedAlert(
            labels={**self.external.labels, **one.labels},
            annotations=one.annotations,
            starts_at=one.fired_at or one.active_at,
            ends_at=one.resolved_at or one.valid_until(interval=interval, now=at),
            generator_url=f"{self.external.url}/graph?g0.expr={quote_plus(rule.expr)}&g0.tab=1",
        )

    def _query(self, text: str, at: datetime) -> Sequence[Sample]:
        result = self.engine.instant(text, at=at.timestamp())
        match result:
            case VectorResult():
                return result.samples
            case ScalarResult():
                return [Sample(labels={}, time=result.time, value=result.value)]
            case MatrixResult() | StringResult():
                raise ExecutionError("rule result is not a vector or scalar")
