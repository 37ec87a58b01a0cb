"""Connections, threads and file descriptors that are used up, and queues that grow, by well-known metrics."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from agents.detector import Detector, Scene, Sightings
from agents.observability.shift import find_shift, share
from agents.observability.trend import find_trend
from agents.reporting import state
from agents.wording import since
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.probe import Observation
from tools.prometheus.curve import Curve
from tools.prometheus.probes.wide import WideView
from tools.prometheus.queues import QUEUES

_FULL = {"pool": "what is used up", "used": "how many are in use", "max": "how many there are"}


def _spec(kind: str, meaning: str, attributes: Mapping[str, str]) -> FactSpec:
    return FactSpec(kind=FactKind(kind), role=FactRole.MECHANISM, meaning=meaning, attributes=dict(attributes))


CONNECTIONS = _spec("connections.exhausted", "A workload has no free connections left.", _FULL)
THREADS = _spec("threads.exhausted", "A workload has no free threads left.", _FULL)
FILES = _spec("fd.exhausted", "A workload has hardly any file descriptors left.", _FULL)
QUEUE = _spec(
    "queue.growing",
    "A queue of a workload gets longer and longer.",
    {"queue": "metric of the queue", "depth": "entries now", "rate": "entries it grows by per minute"},
)


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Two metrics of which one is the other's most."""

    spec: FactSpec
    name: str
    used: str
    most: str


POOLS = (
    Pool(spec=CONNECTIONS, name="Hikari pool", used="hikaricp_connections_active", most="hikaricp_connections_max"),
    Pool(
        spec=CONNECTIONS, name="Go database pool", used="go_sql_in_use_connections", most="go_sql_max_open_connections"
    ),
    Pool(spec=CONNECTIONS, name="database pool", used="db_client_connections_usage", most="db_client_connections_max"),
    Pool(spec=CONNECTIONS, name="database pool", used="db_pool_in_use", most="db_pool_max"),
    Pool(spec=CONNECTIONS, name="PostgreSQL", used="pg_stat_database_numbackends", most="pg_settings_max_connections"),
    Pool(
        spec=CONNECTIONS,
        name="MySQL",
        used="mysql_global_status_threads_connected",
        most="mysql_global_variables_max_connections",
    ),
    Pool(spec=CONNECTIONS, name="Redis clients", used="redis_connected_clients", most="redis_config_maxclients"),
    Pool(spec=THREADS, name="Tomcat", used="tomcat_threads_busy_threads", most="tomcat_threads_config_max_threads"),
    Pool(spec=THREADS, name="executor", used="executor_active_threads", most="executor_pool_max_threads"),
    Pool(spec=FILES, name="file descriptors", used="process_open_fds", most="process_max_fds"),
)
NEARLY_ALL = 0.95
"""Share in use: averaged over pods and a minute, the rest is none."""
GROWS = 2.0
"""Depth since by depth before."""
LEAST_DEPTH = 100
"""Entries: shorter queues are what queues are for."""
STRAIGHT = 0.7
NOISE = share(0.1, at_least=1.0)
LATELY = 3


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per full pool and growing queue."""
    for seen in sightings.of(WideView):
        metrics = seen.view.metrics
        for pool in POOLS:
            if pool.used in metrics and pool.most in metrics:
                yield from _full(seen, pool, metrics[pool.used], metrics[pool.most], scene)
        for name in QUEUES:
            if name in metrics:
                yield from _growing(seen, name, metrics[name], scene)


def _full(seen: Observation[WideView], pool: Pool, used: Curve, most: Curve, scene: Scene) -> Iterator[Fact]:
    limit = most.last
    lately = [value for value in used.values if value is not None][-LATELY:]
    if not limit or not lately or min(lately) < NEARLY_ALL * limit:
        return
    free = [index for index, value in enumerate(used.values) if value is not None and value < NEARLY_ALL * limit]
    at = used.time(free[-1] + 1) if free else None
    yield state(
        pool.spec,
        entity=seen.view.entity,
        text=f"{lately[-1]:.0f} of {limit:.0f} in use of the {pool.name} of {name_of(seen.view.entity)}"
        + since(at, now=scene.now),
        seen=[seen],
        at=at,
        detector=DETECTOR.name,
        pool=pool.name,
        used=round(lately[-1], 1),
        max=round(limit),
    )


def _growing(seen: Observation[WideView], name: str, curve: Curve, scene: Scene) -> Iterator[Fact]:
    depth, shift, trend = curve.last, find_shift(curve, floor=NOISE), find_trend(curve)
    if depth is None or depth < LEAST_DEPTH:
        return
    jumped = shift is not None and shift.until is None and shift.after >= GROWS * max(shift.before, 1.0)
    climbs = trend is not None and trend.r2 >= STRAIGHT and trend.last >= GROWS * max(trend.first, 1.0)
    if not jumped and not climbs:
        return
    at = shift.at if shift is not None and jumped else None
    pace = trend.per_hour / 60 if trend is not None and climbs else None
    yield state(
        QUEUE,
        entity=seen.view.entity,
        text=f"{name} of {name_of(seen.view.entity)} is {depth:.0f}"
        + (f", {pace:+.0f} a minute" if pace else "")
        + since(at, now=scene.now),
        seen=[seen],
        at=at,
        detector=DETECTOR.name,
        queue=name,
        depth=round(depth),
        rate=round(pace, 2) if pace is not None else None,
    )


DETECTOR = Detector(
    name="observability.pools", emits=(CONNECTIONS, THREADS, FILES, QUEUE), needs=(WideView,), detect=detect
)
