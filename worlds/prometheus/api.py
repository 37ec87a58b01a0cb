"""The whole HTTP API of the served Prometheus, as one application that can be mounted anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router

from worlds.prometheus import queries
from worlds.prometheus.answers import Json, answering, parameters_of, success
from worlds.prometheus.evaluator import RuleEvaluator
from worlds.prometheus.humanize import go_exponent
from worlds.prometheus.instance import AlertInstance, AlertState
from worlds.prometheus.moments import invalid, write_time
from worlds.prometheus.queries import Now
from worlds.prometheus.rules import AlertingRule, Rule
from worlds.promql.engine import DEFAULT_LOOKBACK_SECONDS
from worlds.promql.quoting import quote
from worlds.promql.result import VectorResult

VERSION = "2.42.0"  # the release whose semantics the evaluator is tested against
_NEVER = "0001-01-01T00:00:00Z"


def app(rules: RuleEvaluator, now: Now) -> Router:
    """Return the whole API as an application: queries over `rules.engine`, the rules' state, targets, readiness.

    Its handlers read their parameters by themselves: nothing that a framework adds to routes would have work to do.
    """
    api = _Api(rules=rules, now=now)
    states = (
        ("/api/v1/rules", api.rules_state),
        ("/api/v1/alerts", api.alerts),
        ("/api/v1/targets", api.targets),
        ("/api/v1/status/buildinfo", api.build_info),
        ("/api/v1/status/runtimeinfo", api.runtime_info),
        ("/api/v1/status/flags", api.flags),
        ("/-/ready", api.ready),
        ("/-/healthy", api.healthy),
        ("/", api.ready),
    )
    shown = [Route(path, answering(handler), methods=["GET"]) for path, handler in states]
    return Router([*queries.routes(rules.engine, now), *shown])


@dataclass(frozen=True, kw_only=True)
class _Api:
    rules: RuleEvaluator
    now: Now

    async def rules_state(self, request: Request) -> Response:
        parameters = await parameters_of(request)
        kind = parameters.first("type")
        if kind not in ("", "alert", "record"):
            raise invalid("type", f"not supported value {quote(kind)}")
        names, groups = parameters.all("rule_name[]"), parameters.all("rule_group[]")
        answer: list[Json] = []
        for number, group in enumerate(self.rules.groups):
            if groups and group.name not in groups:
                continue
            shown = [
                self._rule(number, index, rule)
                for index, rule in enumerate(group.rules)
                if _wanted(rule, kind=kind, names=names)
            ]
            if shown or not (kind or names):
                answer.append(self._group(number, shown))
        return success({"groups": answer})

    async def alerts(self, _request: Request) -> Response:
        shown: list[Json] = [
            _alert(one)
            for number, group in enumerate(self.rules.groups)
            for index in range(len(group.rules))
            for one in self.rules.alerts_of(number, index)
        ]
        return success({"alerts": shown})

    async def targets(self, request: Request) -> Response:
        state = (await parameters_of(request)).first("state")
        up = self.rules.engine.instant("up", at=self.now().timestamp())
        samples = up.samples if isinstance(up, VectorResult) else ()
        active: list[Json] = [_target(one.labels, one.value, write_time(self.now())) for one in samples]
        shown = active if state in ("", "any", "active") else []
        counts: dict[str, Json] = {}
        return success({"activeTargets": shown, "droppedTargets": [], "droppedTargetCounts": counts})

    async def build_info(self, _request: Request) -> Response:
        return success(
            {
                "version": VERSION,
                "revision": "",
                "branch": "HEAD",
                "buildUser": "",
                "buildDate": "",
                "goVersion": "go1.19.8",
            }
        )

    async def runtime_info(self, _request: Request) -> Response:
        names = self.rules.engine.storage.label_values("__name__", [], start=0.0, end=self.now().timestamp())
        return success({"reloadConfigSuccess": True, "storageRetention": "15d", "metricNames": len(names)})

    async def flags(self, _request: Request) -> Response:
        return success({"query.lookback-delta": f"{DEFAULT_LOOKBACK_SECONDS / 60:.0f}m", "query.timeout": "2m"})

    async def ready(self, _request: Request) -> Response:
        return PlainTextResponse("Prometheus Server is Ready.\n")

    async def healthy(self, _request: Request) -> Response:
        return PlainTextResponse("Prometheus Server is Healthy.\n")

    def _group(self, number: int, shown: list[Json]) -> Json:
        group, last = self.rules.groups[number], self.rules.status_of(number, 0).evaluated_at
        return {
            "name": group.name,
            "file": group.file,
            "rules": shown,
            "interval": group.interval.total_seconds(),
            "limit": group.limit,
            "evaluationTime": 0.0,
            "lastEvaluation": write_time(last) if last else _NEVER,
        }

    def _rule(self, number: int, index: int, rule: Rule) -> Json:
        status = self.rules.status_of(number, index)
        shown: dict[str, Json] = {
            "query": rule.expr,
            "labels": dict(rule.labels),
            "health": "err" if status.error else ("ok" if status.evaluated_at else "unknown"),
            "evaluationTime": 0.0,
            "lastEvaluation": write_time(status.evaluated_at) if status.evaluated_at else _NEVER,
        }
        if status.error:
            shown["lastError"] = status.error
        if not isinstance(rule, AlertingRule):
            return {"name": rule.record, **shown, "type": "recording"}
        active = self.rules.alerts_of(number, index)
        return {
            "state": _worst(active),
            "name": rule.alert,
            **shown,
            "duration": rule.hold.total_seconds(),
            "keepFiringFor": rule.keep_firing_for.total_seconds(),
            "annotations": dict(rule.annotations),
            "alerts": [_alert(one) for one in active],
            "type": "alerting",
        }


def _wanted(rule: Rule, *, kind: str, names: list[str]) -> bool:
    alerting = isinstance(rule, AlertingRule)
    name = rule.alert if isinstance(rule, AlertingRule) else rule.record
    return (not kind or (kind == "alert") == alerting) and (not names or name in names)


def _worst(active: list[AlertInstance]) -> str:
    states = {one.state for one in active}
    for state in (AlertState.FIRING, AlertState.PENDING):
        if state in states:
            return state.value
    return AlertState.INACTIVE.value


def _alert(one: AlertInstance) -> Json:
    return {
        "labels": dict(one.labels),
        "annotations": dict(one.annotations),
        "state": one.state.value,
        "activeAt": write_time(one.active_at),
        "value": go_exponent(one.value),
    }


def _target(labels: Mapping[str, str], up: float, scraped_at: str) -> Json:
    own = {name: value for name, value in labels.items() if name != "__name__"}
    instance = labels.get("instance", "")
    address = f"http://{instance}/metrics"
    return {
        "discoveredLabels": {"__address__": instance, "__metrics_path__": "/metrics"},
        "labels": own,
        "scrapePool": labels.get("job", ""),
        "scrapeUrl": address,
        "globalUrl": address,
        "lastError": "" if up == 1 else f'Get "{address}": dial tcp {instance}: connect: connection refused',
        "lastScrape": scraped_at,
        "lastScrapeDuration": 0.0,
        "health": "up" if up == 1 else "down",
        "scrapeInterval": "30s",
        "scrapeTimeout": "10s",
    }
