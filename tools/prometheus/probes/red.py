"""Requests, errors and duration of one workload or service over time, in whichever convention it reports them."""

from datetime import datetime
from functools import cached_property
from re import compile as pattern

from incidents.entity import Entity
from incidents.evidence import Source, Window
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.probe import Observation, Probe
from tools.prometheus.asking import by_label, client_of, first, notes_of, ranges, seen
from tools.prometheus.convention import ConventionName, RequestMetrics, find, selectors_for
from tools.prometheus.curve import Curve, rounded, step_for


class RedArgs(Value):
    """Whose requests, and over which window."""

    entity: EntityId
    start: datetime
    end: datetime


class RedView(Value):
    """Series on one grid. `metrics` is None when this Prometheus has no request metrics of the entity."""

    entity: EntityId
    metrics: RequestMetrics | None = None
    codes: dict[str, Curve] = {}
    """Requests per second by status code; one curve under `all` when requests carry no code."""
    p50: Curve | None = None
    """Seconds."""
    p99: Curve | None = None
    """Seconds."""

    @property
    def convention(self) -> ConventionName | None:
        """Which convention the service follows."""
        return self.metrics.convention if self.metrics else None

    @cached_property
    def traffic(self) -> Curve | None:
        """Requests per second, all codes together."""
        return _total(list(self.codes.values()))

    @cached_property
    def failed(self) -> Curve | None:
        """Failed requests per second; zero where there were requests and none failed."""
        if self.metrics is None or self.metrics.code_label is None or self.traffic is None:
            return None
        failing = pattern(self.metrics.failed)
        return _total([c for code, c in self.codes.items() if failing.fullmatch(code)], on=self.traffic)

    @cached_property
    def error_ratio(self) -> Curve | None:
        """Share of requests that failed, 0..1; None where there were no requests."""
        if self.failed is None or self.traffic is None:
            return None
        ratios = tuple(
            rounded(bad / all_) if bad is not None and all_ else None
            for bad, all_ in zip(self.failed.values, self.traffic.values, strict=True)
        )
        return self.traffic.model_copy(update={"values": ratios})


def _total(curves: list[Curve], *, on: Curve | None = None) -> Curve | None:
    """The sum; a value is there where any of them (or `on`) has one."""
    grid = on or next(iter(curves), None)
    if grid is None:
        return None
    columns = list(zip(*(curve.values for curve in curves), strict=True)) or [()] * len(grid.values)
    sums = tuple(
        rounded(sum(value for value in column if value is not None))
        if any(value is not None for value in column) or (on is not None and on.values[index] is not None)
        else None
        for index, column in enumerate(columns)
    )
    return grid.model_copy(update={"labels": {}, "values": sums})


async def _run(cluster: Cluster, args: RedArgs) -> Observation[RedView]:
    client, entity = client_of(cluster), Entity.parse(args.entity)
    window = Window(start=args.start, end=args.end)
    metrics = await find(client, entity, window=window)
    if metrics is None:
        return seen(
            cluster,
            RedView(entity=args.entity),
            probe=PROBE.name,
            queries=[f"series: {selector}" for selector in selectors_for(entity)],
            title=f"request metrics of {entity.label}: none",
            window=window,
            entities=(args.entity,),
            complete=False,
        )
    queries = {"codes": metrics.by_code(), "p50": metrics.quantile(0.5), "p99": metrics.quantile(0.99)}
    answers = await ranges(client, queries, window=window, step=step_for(window, finest=metrics.interval))
    total = first(answers["codes"])
    codes = by_label(answers["codes"], metrics.code_label) if metrics.code_label else {"all": total} if total else {}
    view = RedView(
        entity=args.entity, metrics=metrics, codes=codes, p50=first(answers["p50"]), p99=first(answers["p99"])
    )
    return seen(
        cluster,
        view,
        probe=PROBE.name,
        queries=list(queries.values()),
        title=f"requests, errors, latency of {entity.label}",
        window=window,
        entities=(args.entity,),
        cut=notes_of(answers),
    )


PROBE = Probe(
    name="prometheus.red",
    source=Source.PROMETHEUS,
    describe="Request rate by status code and latency quantiles of a workload or service over a window. "
    "Finds out which metric convention the service follows.",
    args=RedArgs,
    view=RedView,
    run=_run,
)
