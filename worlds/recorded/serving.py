"""Serve a recording: the sources that were recorded, by the same wire protocols as a simulated world, read-only.

Time stands at the recording's now. A source that was not recorded is not served and has no URL.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from starlette.types import ASGIApp

from worlds.alertmanager.api import app as alertmanager_app
from worlds.alertmanager.config import load_config
from worlds.alertmanager.core import Alertmanager
from worlds.alertmanager.wire import AlertWire
from worlds.github.access import Tokens
from worlds.github.app import github_app
from worlds.httpserver import HttpServer
from worlds.kubernetes.access import READER_RULES, Identity
from worlds.kubernetes.app import ApiServer
from worlds.loki.api import app as loki_app
from worlds.loki.memory import MemoryLogStorage
from worlds.prometheus.api import app as prometheus_app
from worlds.prometheus.evaluator import RuleEvaluator
from worlds.promql.memory import MemoryStorage
from worlds.recorded.forge import recorded_forge
from worlds.recorded.objects import RecordedLogs, recorded_cluster
from worlds.recorded.recording import Recording, Source
from worlds.sources import Sources
from worlds.traces.api import app as traces_app
from worlds.traces.storage import MemorySpans

SERVED: Final[tuple[Source, ...]] = ("kubernetes", "prometheus", "alertmanager", "loki", "traces", "github")
"""Sources that can be served from a recording."""

_RESOLVE_TIMEOUT = "24h"
# What a cluster says when nobody recorded its version.
_VERSION = "v1.31.0"
_TOKENS: Final[Mapping[str, str]] = {"reader": "recorded-reader", "github": "recorded-github"}


class RecordedWorld:
    """A served recording. Build it with `serve_recording`; `await world.stop()` ends it."""

    def __init__(self, recording: Recording, *, sources: Iterable[Source], api: ApiServer, server: HttpServer) -> None:
        self.recording = recording
        self.base_url = server.url
        self._sources = tuple(sources)
        self._api = api
        self._server = server

    @property
    def urls(self) -> dict[str, str]:
        """Base URLs of the sources that were recorded."""
        return {source: f"{self.base_url}/{source}" for source in self._sources}

    @property
    def tokens(self) -> dict[str, str]:
        """Bearer tokens by identity; all of them may only read."""
        return dict(_TOKENS)

    def kubeconfig(self, identity: str = "reader") -> dict[str, Any]:
        """Return a kubeconfig as a mapping that the clients accept."""
        name = self.recording.cluster
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": f"{self.base_url}/kubernetes"}}],
            "users": [{"name": identity, "user": {"token": self.tokens[identity]}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": identity}}],
        }

    async def stop(self) -> None:
        """End the server. Open connections are closed: a recording has nothing left to say on them."""
        self._api.watching.close()
        await self._server.stop(force=True)


async def serve_recording(recording: Recording) -> RecordedWorld:
    """Serve a recording on a free port of 127.0.0.1."""
    server = HttpServer()
    api = _kubernetes(recording)
    served = [source for source in SERVED if _recorded(source, recording)]
    await server.start(Sources({source: partial(_app, source, recording, api, server.url) for source in served}))
    return RecordedWorld(recording, sources=served, api=api, server=server)


def _recorded(source: Source, recording: Recording) -> bool:
    """A trace store without a span is one that nobody runs."""
    return source not in recording.absent and (source != "traces" or bool(recording.spans))


def _app(source: Source, recording: Recording, api: ApiServer, base_url: str) -> ASGIApp:
    def now() -> datetime:
        return recording.now

    match source:
        case "kubernetes":
            return api.app()
        case "prometheus":
            rules = RuleEvaluator((), storage=MemoryStorage(recording.series), start=recording.now)
            return prometheus_app(rules, now)
        case "alertmanager":
            return alertmanager_app(_alertmanager(recording), now)
        case "loki":
            return loki_app(MemoryLogStorage(recording.logs), now)
        case "traces":
            return traces_app(MemorySpans(recording.spans))
        case "github":
            forge = recorded_forge(recording.commits, recording.deployments)
            # Nobody has the token that may write.
            tokens = Tokens(read=_TOKENS["github"], write="")
            moment = recording.now.timestamp()
            return github_app(forge, base_url=f"{base_url}/{source}", tokens=tokens, now=lambda: moment)
        case _:
            raise NotImplementedError(f"{source} cannot be served from a recording: name it in Recording.absent")


def _kubernetes(recording: Recording) -> ApiServer:
    cluster = recorded_cluster(recording.objects, now=recording.now)
    reader = Identity(
        user="recorded-reader", token=_TOKENS["reader"], rules=READER_RULES, denied=frozenset(recording.unread)
    )
    logs = RecordedLogs(cluster.store, recording.container_logs, now=recording.now)
    return ApiServer(cluster, identities=(reader,), logs=logs, version=_VERSION)


def _alertmanager(recording: Recording) -> Alertmanager:
    config = (
        f"global: {{resolve_timeout: {_RESOLVE_TIMEOUT}}}\nroute: {{receiver: nobody}}\nreceivers: [{{name: nobody}}]"
    )
    alertmanager = Alertmanager(load_config(config))
    wires = [AlertWire.model_validate(one) for one in recording.alerts]
    timeout = alertmanager.config.global_.resolve_timeout
    posted = [wire.posted(now=recording.now, resolve_timeout=timeout) for wire in wires]
    alertmanager.receive(posted, now=recording.now)
    return alertmanager
