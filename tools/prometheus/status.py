"""What a Prometheus is and holds: version, retention, how far its samples go back, which metrics. Used by doctor."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from incidents.value import Value
from tools.errors import PermanentError
from tools.prometheus.client import PrometheusClient
from tools.prometheus.selector import quoted
from tools.wire import Wire, read

MOST_NAMES = 200
"""Names of metrics that are asked for at once."""


class PrometheusStatus(Value):
    """What it says of itself. Empty where this kind of Prometheus (Thanos, Mimir, a proxy) does not say."""

    version: str = ""
    retention: str = ""
    """`15d`, or `15d or 50GB`."""
    server_time: datetime | None = None
    """Its clock, to the second."""


class _Build(Wire):
    version: str = ""


class _BuildAnswer(Wire):
    data: _Build = _Build()


class _Runtime(Wire):
    storageRetention: str = ""  # noqa: N815 - the wire's name


class _RuntimeAnswer(Wire):
    data: _Runtime = _Runtime()


async def status_of(client: PrometheusClient) -> PrometheusStatus:
    """Ask what it is. Raises ToolError when it cannot be reached or refuses the credentials."""
    answer = await client.http.fetch("GET", "/api/v1/query", params={"query": "vector(1)"})
    try:
        build = read(
            _BuildAnswer,
            (await client.http.fetch("GET", "/api/v1/status/buildinfo")).body,
            system="Prometheus",
            what="buildinfo",
        )
        runtime = await client.http.get("/api/v1/status/runtimeinfo", _RuntimeAnswer)
    except PermanentError:
        return PrometheusStatus(server_time=_date(answer.headers.get("date", "")))
    return PrometheusStatus(
        version=build.data.version,
        retention=runtime.data.storageRetention,
        server_time=_date(answer.headers.get("date", "")),
    )


async def existing(client: PrometheusClient, names: Iterable[str], *, at: datetime) -> dict[str, int]:
    """Which of these metrics have samples now, with the number of their series."""
    pattern = "|".join(dict.fromkeys(names))
    found = await client.query(f"count by (__name__) ({{__name__=~{quoted(pattern)}}})", at=at, most=MOST_NAMES)
    return {s.labels.get("__name__", ""): int(s.value or 0) for s in found.samples}


async def newest_sample(client: PrometheusClient, *, at: datetime) -> datetime | None:
    """When the newest sample of any scrape was taken; None when nothing was scraped for five minutes."""
    found = await client.query("max(timestamp(up))", at=at)
    value = found.samples[0].value if found.samples else None
    return datetime.fromtimestamp(value, tz=at.tzinfo) if value else None


async def reaches_back(client: PrometheusClient, spans: Sequence[timedelta], *, at: datetime) -> timedelta | None:
    """The longest of these spans (ascending) at whose beginning there were samples; None: not even the first."""
    longest = None
    for span in spans:
        if not (await client.query("count(up)", at=at - span)).samples:
            break
        longest = span
    return longest


async def labels_of(client: PrometheusClient, metric: str, *, among: Sequence[str], at: datetime) -> dict[str, int]:
    """Which of these labels the series of a metric carry, with the number of values that were seen (at most 50)."""
    found = await client.query(f"count by ({', '.join(among)}) ({metric})", at=at)
    values = {name: {s.labels[name] for s in found.samples if s.labels.get(name)} for name in among}
    return {name: len(seen) for name, seen in values.items() if seen}


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
