"""The client over the wire: pages, bounds, time-outs, refused connections, kubeconfigs that cannot be used."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from aiohttp import web

from tests.cluster.pki import Authority
from tools.clock import SystemClock
from tools.errors import NotConfiguredError, PermanentError, TransientError
from tools.estate import KubernetesAccess
from tools.kubernetes.access import Need
from tools.kubernetes.client import KubernetesClient
from tools.kubernetes.wire import PatchKind


class Server:
    """An API server that pages, dawdles and overflows; it keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[web.BaseRequest] = []
        self.bodies: list[bytes] = []
        self.port = 0

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request)
        self.bodies.append(await request.read())
        match request.path:
            case "/api/v1/pods":
                start = int(request.query.get("continue", "0"))
                more = {"continue": str(start + 2), "remainingItemCount": 6 - start - 2} if start + 2 < 6 else {}
                items = [{"metadata": {"name": f"p{number}"}} for number in range(start, start + 2)]
                return web.json_response({"metadata": {"resourceVersion": "7", **more}, "items": items})
            case "/slow":
                await asyncio.sleep(5)
                return web.json_response({})
            case "/log":
                return web.Response(text="x" * 2000)
            case "/lost":
                assert request.transport is not None
                request.transport.abort()
                return web.json_response({})
            case "/broken":
                return web.Response(text="<html>", content_type="application/json")
            case _:
                return web.json_response({"big": "x" * 5000})


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[Server]:
    runner = web.ServerRunner(web.Server(server.answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    yield server
    await runner.cleanup()


@asynccontextmanager
async def connected(
    tmp_path: Path, port: int, *, seconds: float = 5.0, authority: Path | None = None
) -> AsyncIterator[KubernetesClient]:
    cluster = {"server": f"http://127.0.0.1:{port}"}
    if authority:
        cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(authority)}
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "the-token"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }  # fmt: skip
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    client = KubernetesClient(KubernetesAccess(kubeconfig=str(path), timeout_seconds=seconds), clock=SystemClock())
    yield client
    await client.close()


async def test_a_list_is_read_page_by_page_with_the_token(tmp_path: Path) -> None:
    async with running(Server()) as server, connected(tmp_path, server.port) as client:
        found = await client.list("/api/v1/pods", query={"labelSelector": "a=b"})
    assert [item.word("metadata", "name") for item in found.items] == [f"p{number}" for number in range(6)]
    assert (found.cut, found.resource_version) == (None, "7")
    assert [request.query.get("continue") for request in server.asked] == [None, "2", "4"]
    assert {request.query["limit"] for request in server.asked} == {"500"}
    assert {request.query["labelSelector"] for request in server.asked} == {"a=b"}
    assert {request.headers["Authorization"] for request in server.asked} == {"Bearer the-token"}


async def test_a_long_list_is_cut_and_says_so(tmp_path: Path) -> None:
    async with running(Server()) as server, connected(tmp_path, server.port) as client:
        found = await client.list("/api/v1/pods", most=2)
    assert found.cut == "read the first 2 of /api/v1/pods, about 4 more"
    assert len(found.items) == 2


async def test_a_slow_answer_is_not_waited_for(tmp_path: Path) -> None:
    async with running(Server()) as server, connected(tmp_path, server.port, seconds=0.2) as client:
        with pytest.raises(TransientError, match="did not answer GET /slow in time"):
            await client.get("/slow")


async def test_a_write_is_sent_once_when_its_connection_is_lost(tmp_path: Path) -> None:
    async with running(Server()) as server, connected(tmp_path, server.port) as client:
        await client.get("/x")
        with pytest.raises(TransientError, match="lost after a DELETE of /lost: it may have arrived"):
            await client.delete("/lost", uid="u-1")
        with pytest.raises(TransientError, match="lost after a PATCH of /lost: it may have arrived"):
            await client.patch("/lost", {}, kind=PatchKind.MERGE)
    assert [request.method for request in server.asked] == ["GET", "DELETE", "PATCH"]


async def test_a_server_that_hangs_keeps_no_socket_open(tmp_path: Path) -> None:
    """It answers nothing any more, TLS's goodbye neither."""
    authority = Authority(tmp_path / "pki", name="test")
    pair = authority.server("127.0.0.1", addresses=("127.0.0.1",))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(pair.certificate, pair.key)
    held: list[asyncio.WriteTransport] = []

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined] # it is one for both ways
        held.append(writer.transport)

    server = await asyncio.start_server(hang, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    async with connected(tmp_path, port, seconds=1, authority=authority.certificate) as client:
        with pytest.raises(TransientError, match="in time"):
            await client.get("/hang")
        assert to(port), "the control: while it is open, it is seen"
    assert not to(port)
    held[0].abort()
    server.close()


def to(port: int) -> list[Any]:
    """This process's connections to a port."""
    return [one for one in psutil.Process().net_connections("tcp4") if one.raddr and one.raddr.port == port]


async def test_a_log_is_cut_and_another_long_answer_is_refused(tmp_path: Path) -> None:
    async with running(Server()) as server, connected(tmp_path, server.port) as client:
        assert len(await client.text("/log", most=100)) == 100
        with pytest.raises(PermanentError, match="more than 1000 bytes"):
            await client.get("/big", most=1000)


async def test_what_is_no_json_may_be_asked_again(tmp_path: Path) -> None:
    async with running(Server()) as server, connected(tmp_path, server.port) as client:
        with pytest.raises(TransientError, match="no JSON"):
            await client.get("/broken")


async def test_a_refused_connection_may_be_tried_again(tmp_path: Path) -> None:
    async with running(Server()) as server:
        port = server.port
    async with connected(tmp_path, port) as client:
        with pytest.raises(TransientError, match="no connection to the Kubernetes API"):
            await client.version()


@pytest.mark.parametrize(
    ("access", "kind", "words"),
    [
        pytest.param(KubernetesAccess(), NotConfiguredError, "neither a kubeconfig nor in_cluster", id="nothing is configured"),
        pytest.param(KubernetesAccess(kubeconfig="/nonexistent/config"), PermanentError, "/nonexistent/config cannot be used", id="a file that is not there"),
        pytest.param(KubernetesAccess(in_cluster=True), PermanentError, "service account cannot be used", id="not in a cluster"),
    ],
)  # fmt: skip
async def test_access_that_cannot_be_used_is_said_so(
    access: KubernetesAccess, kind: type[Exception], words: str
) -> None:
    client = KubernetesClient(access, clock=SystemClock())
    with pytest.raises(kind, match=words):
        await client.version()


async def test_an_access_review_asks_for_exactly_that(tmp_path: Path) -> None:
    async with running(Server()) as server, connected(tmp_path, server.port) as client:
        answer = await client.access_review(Need(verb="get", resource="pods", subresource="log"), namespace="shop")
    assert answer.allowed is False, "an answer that does not say yes is a no"
    asked = json.loads(server.bodies[0])["spec"]["resourceAttributes"]
    assert asked == {"verb": "get", "group": "", "resource": "pods", "subresource": "log", "namespace": "shop"}
