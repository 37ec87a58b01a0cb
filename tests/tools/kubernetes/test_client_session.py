"""What a kubeconfig says about the way to the API server: whom to trust, who one is, by which name and which proxy."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.pki import Authority
from tests.tools.scripted_server import Said, scripted
from tools.clock import SystemClock
from tools.errors import PermanentError
from tools.estate import KubernetesAccess
from tools.kubernetes.client import KubernetesClient

NAME = "api.prod.example"


@asynccontextmanager
async def connected(tmp_path: Path, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> AsyncIterator[Any]:
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": dict(cluster)}],
        "users": [{"name": "u", "user": dict(user)}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }  # fmt: skip
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    client = KubernetesClient(KubernetesAccess(kubeconfig=str(path), timeout_seconds=5), clock=SystemClock())
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def serving_tls(authority: Authority) -> AsyncIterator[tuple[int, list[Any]]]:
    """An API server by TLS under NAME that wants a client's certificate, and whose certificates it saw."""
    pair = authority.server(NAME, addresses=(), names=(NAME,))
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.certificate))
    tls.load_cert_chain(pair.certificate, pair.key)
    tls.verify_mode = ssl.CERT_OPTIONAL
    seen: list[Any] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        seen.append(writer.get_extra_info("peercert"))
        body = json.dumps({"gitVersion": "v1.33.4"}).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1], seen


async def test_a_certificate_is_held_against_the_name_that_is_written_and_one_s_own_is_shown(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki", name="test")
    own = authority.client("midwatch")
    async with serving_tls(authority) as (port, seen):
        cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(authority.certificate)}
        user = {"client-certificate": str(own.certificate), "client-key": str(own.key)}
        async with connected(tmp_path, {**cluster, "tls-server-name": NAME}, user) as client:
            assert await client.version() == "v1.33.4"
        async with connected(tmp_path, cluster, user) as client:
            with pytest.raises(PermanentError, match="no trusted connection to the Kubernetes API"):
                await client.version()
    assert [dict(part[0] for part in one["subject"])["commonName"] for one in seen] == ["midwatch"]


async def test_who_signed_it_matters_unless_the_kubeconfig_says_otherwise(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path / "pki", name="test"), Authority(tmp_path / "other", name="stranger")
    async with serving_tls(authority) as (port, seen):
        cluster = {"server": f"https://127.0.0.1:{port}", "tls-server-name": NAME}
        trusting = {**cluster, "certificate-authority": str(stranger.certificate)}
        async with connected(tmp_path, trusting, {"token": "t"}) as client:
            with pytest.raises(PermanentError, match="no trusted connection to the Kubernetes API"):
                await client.version()
        async with connected(tmp_path, {**cluster, "insecure-skip-tls-verify": True}, {"token": "t"}) as client:
            assert await client.version() == "v1.33.4"
    assert len(seen) == 1


async def test_the_proxy_of_a_kubeconfig_is_asked(tmp_path: Path) -> None:
    async with scripted(lambda _: Said({"gitVersion": "v1.33.4"})) as proxy:
        cluster = {"server": f"http://{NAME}:8080/prefix", "proxy-url": proxy.url}
        async with connected(tmp_path, cluster, {"token": "the-token"}) as client:
            assert await client.version() == "v1.33.4"
    [asked] = proxy.asked
    assert (asked.path, asked.headers["host"]) == ("/prefix/version", f"{NAME}:8080")
    assert asked.headers["authorization"] == "Bearer the-token"


async def test_a_name_that_leads_to_metadata_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
    async with connected(tmp_path, {"server": f"http://{NAME}"}, {"token": "the-token"}) as client:
        with pytest.raises(PermanentError, match=r"the Kubernetes API is not asked: api\.prod\.example leads to"):
            await client.version()


async def test_a_token_with_a_line_break_is_an_error_of_ours(tmp_path: Path) -> None:
    async with (
        scripted(lambda _: Said({"gitVersion": "v0"})) as server,
        connected(tmp_path, {"server": server.url}, {"token": "the\ntoken"}) as client,
    ):
        with pytest.raises(PermanentError, match="the Kubernetes API cannot be asked like this"):
            await client.version()
    assert server.asked == []


async def test_a_redirect_takes_no_credentials_elsewhere(tmp_path: Path) -> None:
    async with (
        scripted(lambda _: Said({"gitVersion": "v0"})) as other,
        scripted(lambda _: Said(status=302, headers={"location": f"{other.url}/version"})) as server,
        connected(tmp_path, {"server": server.url}, {"token": "the-token"}) as client,
    ):
        with pytest.raises(PermanentError, match="302"):
            await client.version()
    assert other.asked == []
