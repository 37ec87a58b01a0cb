"""A real Prometheus that scrapes a service of the test's own, evaluates rules over it, and tells a real Alertmanager."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.programs import free_address, started
from tests.suites import require

RULES = """
groups:
- name: shop
  rules:
  - alert: HighErrorRate
    expr: shop_failing{what="errors"} > 0
    labels: {severity: critical}
    annotations: {summary: "{{ $labels.deployment }} returns errors"}
  - alert: HighLatency
    expr: shop_failing{what="latency"} > 0
    labels: {severity: warning}
    annotations: {summary: "{{ $labels.deployment }} is slow"}
"""
PROMETHEUS = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms, external_labels: {{cluster: prod-eu}}}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{alertmanager}"]}}]}}]}}
scrape_configs:
- {{job_name: shop, honor_labels: true, static_configs: [{{targets: ["{target}"]}}]}}
"""
ALERTMANAGER = """
route:
  receiver: midwatch
  group_by: [namespace]
  group_wait: 100ms
  group_interval: 300ms
  repeat_interval: {repeat}
  routes:
  - {{receiver: midwatch, group_by: ['...'], matchers: ['apart="yes"']}}
receivers:
- name: midwatch
  webhook_configs:
  - url: {url}
    send_resolved: true
    http_config: {credentials}
"""


def alertmanager_config(url: str, *, credentials: str, repeat: str = "1h") -> str:
    """Post to `url` with these credentials (as YAML of `http_config`)."""
    return ALERTMANAGER.format(url=url, credentials=credentials, repeat=repeat)


def bearer(token: str) -> str:
    """`http_config` of a bearer token."""
    return f"{{authorization: {{credentials: {token}}}}}"


def basic(user: str, password: str) -> str:
    """`http_config` of a user and a password."""
    return f"{{basic_auth: {{username: {user}, password: {password}}}}}"


class Shop:
    """A service whose metrics the test sets."""

    def __init__(self) -> None:
        self.address = ""
        self._failing: dict[tuple[str, str], int] = {}

    def fails(self, deployment: str, *, what: str) -> None:
        """From now on it has errors or latency."""
        self._failing[deployment, what] = 1

    def recovers(self) -> None:
        """From now on everything is well."""
        self._failing = dict.fromkeys(self._failing, 0)

    def exposition(self) -> str:
        """The metrics as text."""
        line = 'shop_failing{{namespace="storefront",deployment="{0}",what="{1}"}} {2}\n'
        return "".join(line.format(name, what, value) for (name, what), value in self._failing.items())


@contextmanager
def shop_open() -> Iterator[Shop]:
    """Serve its metrics until the block ends."""
    shop = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = shop.exposition().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shop.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def prometheus_over(shop: Shop, *, alertmanager: str, folder: Path) -> Iterator[str]:
    """Start Prometheus on a free port; yield its base URL."""
    (folder / "rules.yml").write_text(RULES)
    told = alertmanager.removeprefix("http://")
    (folder / "prometheus.yml").write_text(PROMETHEUS.format(alertmanager=told, target=shop.address))
    address = free_address()
    command = [
        require("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=error",
    ]
    with started(command, address=address) as url:
        yield url


def tell(alertmanager: str, *alerts: Mapping[str, Any]) -> None:
    """Give Alertmanager alerts by its API, as Prometheus does."""
    httpx.post(f"{alertmanager}/api/v2/alerts", json=list(alerts), timeout=30).raise_for_status()


def apart(name: str, deployment: str) -> dict[str, Any]:
    """An alert that is a group of its own."""
    labels = {
        "alertname": name,
        "namespace": deployment,
        "deployment": deployment,
        "cluster": "prod-eu",
        "apart": "yes",
    }
    return {"labels": labels, "annotations": {"summary": f"{name} of {deployment}"}}


def notifications(alertmanager: str, kind: str) -> float:
    """How many notifications by webhook were sent (`total`) or given up (`failed_total`), as Alertmanager counts."""
    return _counted(alertmanager, f"alertmanager_notifications_{kind}")


def attempts_failed(alertmanager: str) -> float:
    """How many single attempts of a notification by webhook failed; it tries again by itself."""
    return _counted(alertmanager, "alertmanager_notification_requests_failed_total")


def _counted(alertmanager: str, metric: str) -> float:
    text = httpx.get(f"{alertmanager}/metrics", timeout=30).text
    wanted = f'{metric}{{integration="webhook"'
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(wanted))
