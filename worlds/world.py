"""A world at work: the simulation, its collected metrics and logs, its alert rules, and its clock."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from worlds.alertmanager.config import load_config
from worlds.alertmanager.core import Alertmanager, Notification
from worlds.alertmanager.reports import Posting, Reporters
from worlds.clock import WorldClock
from worlds.estate.manifests import dns_name
from worlds.estate.simulation import Simulation
from worlds.prometheus.alerting import Alerting
from worlds.prometheus.evaluator import External, RuleEvaluator
from worlds.prometheus.rules import load_rules
from worlds.scenario.scenario import Scenario
from worlds.telemetry.logbook import LogBook
from worlds.telemetry.lokistore import EstateLogs
from worlds.telemetry.storage import EstateMetrics

DEFAULT_RULES = Path(__file__).parent / "scenario" / "rules.yaml"

# Rules are evaluated from this long before the scenario's now: longer than the longest wait of the shared rules.
_RULES_START = timedelta(minutes=16)
_EXTERNAL = "external"


class Estate:
    """Everything of a world but its servers. `clock` may be any object with `now()`."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        clock: WorldClock,
        rules: Path | None = None,
        webhook_url: str = "",
        webhook_token: str = "",
        base_url: str = "http://127.0.0.1",
        new_id: Callable[[], str] | None = None,
    ) -> None:
        self.scenario = scenario
        self.clock = clock
        self.simulation = Simulation(scenario)
        self.metrics = EstateMetrics(self.simulation)
        self.logbook = LogBook(self.simulation)
        self.logs = EstateLogs(self.simulation, self.logbook)
        groups = load_rules((rules or DEFAULT_RULES).read_text(encoding="utf-8"))
        self.rules = RuleEvaluator(
            groups,
            storage=self.metrics,
            start=scenario.now - _RULES_START,
            external=External(url=f"{base_url}/prometheus", labels={"cluster": scenario.estate.cluster}),
        )
        config = load_config(_alertmanager_config(webhook_url, webhook_token))
        ids = {"new_id": new_id} if new_id is not None else {}
        self._alertmanager = Alertmanager(config, external_url=f"{base_url}/alertmanager", **ids)
        self.alerting = Alerting(rules=self.rules, alertmanager=self._alertmanager, reporters=self._reporters())
        self._alerting_now = False
        if self.keeps_to_itself:
            self.rules.when_read(self.alert_up_to_now)
        self._healed_since: datetime | None = None

    def _reporters(self) -> Reporters:
        scenario = self.scenario
        postings = [
            Posting(
                name=report.alert,
                labels=report.labels,
                annotations=report.annotations,
                starts=scenario.now + timedelta(seconds=report.at),
                stays=report.stays,
                ends=None if report.until is None else scenario.now + timedelta(seconds=report.until),
            )
            for report in scenario.reports
        ]
        return Reporters(
            postings,
            start=scenario.now - _RULES_START,
            standing=lambda: not scenario.faults or bool(self.active_faults()),
            external={"cluster": scenario.estate.cluster},
        )

    def now(self) -> datetime:
        """Return the virtual time."""
        return self.clock.now()

    def catch_up(self) -> None:
        """Let the simulation reach the clock's time. Cheap when it has already."""
        target = max(self.clock.now().timestamp(), self.simulation.history_start)
        if target > self.simulation.cluster.now:
            self.simulation.advance(target)

    def due_notifications(self) -> list[Notification]:
        """Evaluate what is due and return what Alertmanager wants to send."""
        self.catch_up()
        return self.alerting.step(self.clock.now())

    def pass_time(self) -> list[Notification]:
        """Do what is due up to the clock's time.

        Where nobody is told what alerts, alerts are worked out when somebody asks for them: for all the time since they
        were last asked for in one go, or not at all.
        """
        if not self.keeps_to_itself:
            return self.due_notifications()
        self.catch_up()
        return []

    def alert_up_to_now(self) -> None:
        """Let rules and Alertmanager of an estate that keeps to itself reach the clock's time."""
        if not self.keeps_to_itself or self._alerting_now:
            return
        self._alerting_now = True  # Rules read what rules write.
        try:
            self.due_notifications()
        finally:
            self._alerting_now = False

    @property
    def alertmanager(self) -> Alertmanager:
        """Alertmanager as of now."""
        self.alert_up_to_now()
        return self._alertmanager

    def let_go(self) -> None:
        """Let go of what was recorded; nothing can be asked any more.

        The parts of an estate know each other in circles. Whoever plays many takes each apart when it is over: Python
        would have to look at every object of it to find out that nobody needs it.
        """
        self.metrics.let_go()
        simulation = self.simulation
        for part in (self.logbook, simulation.cluster.store, simulation.cluster, simulation):
            vars(part).clear()

    @property
    def keeps_to_itself(self) -> bool:
        """Whether nothing comes in from outside or goes out while time passes: no reports, no webhooks."""
        told = any(receiver.webhook_configs for receiver in self._alertmanager.config.receivers)
        return not told and not self.scenario.reports

    def true_entity(self) -> str:
        """Return the entity of the scenario's truth: `namespace/kind/name`, `-` for no namespace.

        `of:KEY` stands for the node on which the workload KEY ran, and what is outside the cluster goes by its host.
        For evals and tests in the same process: no server tells it.
        """
        head, found, key = self.scenario.truth.entity.partition("of:")
        if not found:
            return self._by_host(head)
        return head + self.simulation.hit(key)

    def _by_host(self, entity: str) -> str:
        """`namespace/external/name` as all who look from inside see it: `-/external/host`."""
        namespace, _, rest = entity.partition("/")
        kind, _, name = rest.partition("/")
        if kind != _EXTERNAL or namespace == "-":
            return entity
        return f"-/{_EXTERNAL}/{dns_name(self.scenario.estate.workload(f'{namespace}/{name}'))}"

    def active_faults(self) -> list[str]:
        """Return the kinds of the faults that still have their hold on the estate."""
        reached = [f for f in self.scenario.faults if self.simulation.at(f.at) <= self.simulation.cluster.now]
        return [fault.kind for fault in reached if fault.is_active(self.simulation)]

    def healed_since(self) -> datetime | None:
        """Return since when no fault is active any more; None while one is. Known to the precision of the questions."""
        if self.active_faults():
            self._healed_since = None
        elif self._healed_since is None:
            self._healed_since = datetime.fromtimestamp(self.simulation.cluster.now, tz=UTC)
        return self._healed_since


def _alertmanager_config(url: str, token: str) -> str:
    webhook: dict[str, object] = {"url": url}
    if token:
        webhook["http_config"] = {"authorization": {"type": "Bearer", "credentials": token}}
    config = {
        "route": {
            "receiver": "midwatch",
            "group_by": ["namespace"],
            "group_wait": "30s",
            "group_interval": "1m",
            "repeat_interval": "4h",
            "routes": [],
        },
        "receivers": [{"name": "midwatch", "webhook_configs": [webhook] if url else []}],
        "inhibit_rules": [
            {
                "source_matchers": ["severity = critical"],
                "target_matchers": ["severity = info"],
                "equal": ["namespace"],
            },
        ],
    }
    return yaml.safe_dump(config)
