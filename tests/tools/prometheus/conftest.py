"""A real Prometheus with the small estate's samples, and a cluster that reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.tools.prometheus.estate import END, openmetrics
from tests.worlds.telemetry.promql.real_prometheus import prometheus_with
from tools.clock import ManualClock
from tools.connect import connect
from tools.estate import Cluster, Connections, Endpoint

RULES = """
groups:
- name: shop
  rules:
  - alert: CheckoutErrors
    expr: sum(rate(http_server_request_duration_seconds_count{http_response_status_code=~"5.."}[2m])) > 1
    for: 1m
    labels: {severity: critical}
    annotations: {summary: Checkout fails}
"""


@pytest.fixture(scope="module")
def prometheus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    (folder / "rules.yml").write_text(RULES)
    with prometheus_with(openmetrics(), folder=folder, config=f"rule_files: [{folder}/rules.yml]\n") as url:
        yield url


@pytest.fixture
async def cluster(prometheus_url: str) -> AsyncIterator[Cluster]:
    connections = Connections(name="prod", prometheus=Endpoint(url=prometheus_url))
    async with connect(connections, clock=ManualClock(END)) as made:
        yield made
