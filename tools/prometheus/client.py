"""Talks to Prometheus. The only place that knows its HTTP API; nothing here knows what a metric means.

Queries go through our own HTTP client, because prometheus-api-client drops warnings and rounds times to whole seconds,
and so do label values, which are asked for in every investigation; targets go through that library, in a thread, with
a time-out.
"""

import asyncio
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar
from urllib.request import getproxies
from weakref import WeakValueDictionary

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from pydantic import Field
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.util.retry import Retry

from incidents.evidence import Window
from incidents.value import Value
from tools.errors import PermanentError, TransientError
from tools.estate import Endpoint
from tools.http import HttpClient
from tools.prometheus.curve import Curve, gridded
from tools.wire import Wire

if TYPE_CHECKING:
    from tools.prometheus.convention import RequestMetrics

ResultT = TypeVar("ResultT")

SYSTEM = "Prometheus"
QUERY_SECONDS = 8
"""What Prometheus itself may spend on one query before it gives up; below our own time-out, so that it says why."""
MOST_SERIES = 50
"""Series that one query may bring back; more is cut, and said."""


class Sample(Value):
    """One value of one series."""

    labels: dict[str, str]
    at: datetime
    value: float | None
    """None for NaN and the infinities: no number that anybody can act on."""


class VectorAnswer(Value):
    """What an instant query brought."""

    samples: tuple[Sample, ...]
    notes: tuple[str, ...] = ()
    """Prometheus' own warnings, and what was cut."""


class RangeAnswer(Value):
    """What a range query brought, on one grid."""

    curves: tuple[Curve, ...]
    notes: tuple[str, ...] = ()


class AlertingRule(Value):
    """One alerting rule, as Prometheus evaluates it."""

    name: str
    query: str
    for_seconds: float = 0.0
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    state: str = ""
    health: str = ""
    last_error: str = ""


class Target(Value):
    """One scrape target."""

    labels: dict[str, str]
    health: str
    last_error: str = ""
    scrape_interval: str = ""


class _Series(Wire):
    metric: dict[str, str] = {}
    value: tuple[float, str] | None = None
    values: list[tuple[float, str]] = []


class _Data(Wire):
    resultType: Literal["vector", "matrix", "scalar", "string"]  # noqa: N815 - the wire's name
    result: Annotated[list[_Series] | tuple[float, str], Field(union_mode="left_to_right")]
    """In this order: else every series is read a second time, to see which of the two fits better."""


class _Answer(Wire):
    data: _Data
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


class _Labels(Wire):
    data: list[dict[str, str]]
    warnings: tuple[str, ...] = ()


class _Values(Wire):
    data: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class _Rule(Wire):
    type: str
    name: str
    query: str = ""
    duration: float = 0.0
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    state: str = ""
    health: str = ""
    lastError: str = ""  # noqa: N815 - the wire's name


class _RuleGroup(Wire):
    rules: list[_Rule] = []


class _RuleGroups(Wire):
    groups: list[_RuleGroup] = []


class _Rules(Wire):
    data: _RuleGroups


class PrometheusClient:
    """Reads one Prometheus. All times are given: nothing is asked as of now."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Nothing is sent yet."""
        self.http = HttpClient(endpoint, system=SYSTEM)
        self._endpoint = endpoint
        self.convention: tuple[str, str, float] | None = None
        """Convention, label and scrape interval of the last service that was found: most of an estate follow one."""
        self.found: dict[Hashable, RequestMetrics] = {}
        """By what the requests of a service are measured; `tools.prometheus.convention` keeps it."""
        self.finding: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()
        """Who is looking for that now: of several who want the same, one asks Prometheus."""
        self._library: PrometheusConnect | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        await self.http.aclose()
        if self._library is not None:
            self._library.close()

    async def query(self, promql: str, *, at: datetime, most: int = MOST_SERIES) -> VectorAnswer:
        """Evaluate at one instant. Raises ToolError; a malformed query is PermanentError with Prometheus' words."""
        form: Mapping[str, str | float | int] = {
            "query": promql,
            "time": at.timestamp(),
            "timeout": f"{QUERY_SECONDS}s",
        }
        answer = await self.http.post_read("/api/v1/query", _Answer, data=form)
        found = _series_of(answer.data)
        samples = [_sample(series) for series in found[:most] if series.value is not None]
        return VectorAnswer(samples=tuple(samples), notes=_notes(answer, found=len(found), kept=most))

    async def range(self, promql: str, *, window: Window, step: float, most: int = MOST_SERIES) -> RangeAnswer:
        """Evaluate on the grid `start, start + step, ... <= end` (`step` in seconds)."""
        start, end = window.start.timestamp(), window.end.timestamp()
        form: Mapping[str, str | float | int] = {
            "query": promql,
            "start": start,
            "end": end,
            "step": step,
            "timeout": f"{QUERY_SECONDS}s",
        }
        answer = await self.http.post_read("/api/v1/query_range", _Answer, data=form)
        found, count = _series_of(answer.data), math.floor((end - start) / step) + 1
        curves = [_curve(series, window=window, step=step, count=count) for series in found[:most]]
        return RangeAnswer(curves=tuple(curves), notes=_notes(answer, found=len(found), kept=most))

    async def series(self, selectors: Sequence[str], *, window: Window) -> list[dict[str, str]]:
        """The label sets (with `__name__`) that any of the selectors matches in the window."""
        form: Mapping[str, Sequence[str] | float] = {
            "match[]": list(selectors),
            "start": window.start.timestamp(),
            "end": window.end.timestamp(),
        }
        answer = await self.http.post_read("/api/v1/series", _Labels, data=form)
        return answer.data

    async def alerting_rules(self) -> tuple[AlertingRule, ...]:
        """Every alerting rule with its expression."""
        answer = await self.http.get("/api/v1/rules", _Rules, params={"type": "alert"})
        return tuple(_rule(rule) for group in answer.data.groups for rule in group.rules if rule.type == "alerting")

    async def label_values(self, name: str, *, selector: str | None = None, window: Window) -> tuple[str, ...]:
        """The values of one label, among the series of a selector."""
        params: Mapping[str, Sequence[str] | float] = {
            "match[]": [selector] if selector else [],
            "start": window.start.timestamp(),
            "end": window.end.timestamp(),
        }
        answer = await self.http.get(f"/api/v1/label/{name}/values", _Values, params=params)
        return answer.data

    async def targets(self) -> tuple[Target, ...]:
        """The active scrape targets."""
        answer: dict[str, Any] = await self._in_thread(lambda library: library.get_targets(state="active"))
        return tuple(
            Target(
                labels=target.get("labels", {}),
                health=target.get("health", "unknown"),
                last_error=target.get("lastError", ""),
                scrape_interval=target.get("scrapeInterval", ""),
            )
            for target in answer.get("activeTargets", [])
        )

    def link(self, promql: str, *, window: Window | None = None) -> str:
        """The graph page of a query."""
        seconds = int((window.end - window.start).total_seconds()) if window else 3600
        end = window.end.strftime("%Y-%m-%d %H:%M:%S") if window else None
        params: dict[str, str | int | None] = {
            "g0.expr": promql,
            "g0.tab": 0,
            "g0.range_input": f"{seconds}s",
            "g0.end_input": end,
        }
        return self.http.link("/graph", params=params)

    async def _in_thread(self, call: Callable[[PrometheusConnect], ResultT]) -> ResultT:
        """Run a call of the library elsewhere, and put its errors into our words."""
        await self.http.judge()
        library = self._library = self._library or _library(self._endpoint)
        try:
            async with asyncio.timeout(self._endpoint.timeout_seconds * 2):  # connecting and reading have one each
                return await asyncio.to_thread(call, library)
        except TimeoutError as error:
            raise TransientError(f"{SYSTEM} did not answer within {self._endpoint.timeout_seconds:g} s") from error
        except requests.TooManyRedirects as error:
            raise PermanentError(f"{SYSTEM} redirects elsewhere: write the address it redirects to") from error
        except requests.RequestException as error:
            raise TransientError(f"{SYSTEM} cannot be reached at {self.http.base.host}") from error
        except PrometheusApiClientException as error:
            raise PermanentError(f"{SYSTEM} answered: {error}") from error


def _library(endpoint: Endpoint) -> PrometheusConnect:
    """The library's client with our time-out, no redirects, and no credentials from files of the machine."""
    session = requests.Session()
    session.trust_env, session.max_redirects = False, 0
    session.verify = endpoint.ca_file or True
    host = endpoint.url.split("://", 1)[-1]
    if not host.startswith(("127.", "localhost", "[::1]")):
        session.proxies = getproxies()
    if endpoint.token is not None:
        session.auth = _Bearer(endpoint.token.get_secret_value())
    elif endpoint.username is not None:
        password = endpoint.password.get_secret_value() if endpoint.password else ""
        session.auth = HTTPBasicAuth(endpoint.username, password)
    return PrometheusConnect(
        url=endpoint.url.rstrip("/"),
        session=session,
        timeout=endpoint.timeout_seconds,
        retry=Retry(total=2, backoff_factor=0.2, status_forcelist=(429, 502, 503, 504)),
    )


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["authorization"] = f"Bearer {self.token}"
        return request


def _series_of(data: _Data) -> list[_Series]:
    """The series of any result type; a scalar is a series without labels."""
    return data.result if isinstance(data.result, list) else [_Series(value=data.result)]


def _sample(series: _Series) -> Sample:
    assert series.value is not None
    at, text = series.value
    value = float(text)
    moment = datetime.fromtimestamp(at, tz=UTC)
    return Sample(labels=series.metric, at=moment, value=value if math.isfinite(value) else None)


def _curve(series: _Series, *, window: Window, step: float, count: int) -> Curve:
    points = ((at, float(text)) for at, text in series.values)
    return gridded(points, labels=series.metric, start=window.start, step=step, count=count)


def _notes(answer: _Answer, *, found: int, kept: int) -> tuple[str, ...]:
    cut = (f"kept the first {kept} of {found} series",) if found > kept else ()
    return (*answer.warnings, *cut)


def _rule(rule: _Rule) -> AlertingRule:
    return AlertingRule(
        name=rule.name,
        query=rule.query,
        for_seconds=rule.duration,
        labels=rule.labels,
        annotations=rule.annotations,
        state=rule.state,
        health=rule.health,
        last_error=rule.lastError,
    )
