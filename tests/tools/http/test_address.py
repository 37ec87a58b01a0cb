"""Which addresses may be configured or connected to, and that a name is connected to as it was judged."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.tools.scripted_server import Said, Scripted, scripted
from tools.address import judged, objection_to_url
from tools.errors import PermanentError, TransientError
from tools.estate import Endpoint
from tools.http import HttpClient


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://169.254.169.254/latest", id="the metadata service of most clouds"),
        pytest.param("http://[fd00:ec2::254]/", id="the metadata service by IPv6"),
        pytest.param("http://[::ffff:169.254.169.254]/", id="an IPv4 address in IPv6 clothes"),
        pytest.param("http://[64:ff9b::a9fe:a9fe]/", id="an IPv4 address behind NAT64"),
        pytest.param("http://[2002:a9fe:a9fe::1]/", id="an IPv4 address behind 6to4"),
        pytest.param("http://2852039166/", id="written as one number"),
        pytest.param("http://0xa9fea9fe/", id="written in hexadecimal"),
        pytest.param("http://0251.0376.0251.0376/", id="written in octal"),
        pytest.param("http://[fe80::1%25eth0]/", id="link-local with a zone"),
        pytest.param("http://0.0.0.0:9090", id="nobody's address"),
        pytest.param("http://224.0.0.1/", id="a multicast group"),
        pytest.param("http://100.100.100.200/", id="the metadata service of Alibaba"),
        pytest.param("http://Metadata.Google.Internal./computeMetadata", id="the metadata service by its name"),
        pytest.param("http://user@169.254.169.254/", id="with a user before it"),
    ],
)
def test_nobody_should_configure(url: str) -> None:
    assert objection_to_url(url) is not None


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://127.0.0.1:9090", id="this machine"),
        pytest.param("http://10.96.0.10", id="a private network"),
        pytest.param("https://prometheus.monitoring.svc:9090", id="a name"),
        pytest.param("http://[fd12:3456::1]:3100", id="a private network by IPv6"),
        pytest.param("https://api.github.com", id="the internet"),
    ],
)
def test_may_be_configured(url: str) -> None:
    assert objection_to_url(url) is None


class Names:
    """A name server that answers from a list, each answer once; the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        del host, port
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def ask(names: Names, server: Scripted, *paths: str) -> None:
    port = server.url.rsplit(":", 1)[1]
    endpoint = Endpoint(url=f"http://prometheus.example:{port}", timeout_seconds=5)
    client = HttpClient(endpoint, system="Prometheus", resolver=names)
    try:
        for path in paths:
            await client.fetch("GET", path)
    finally:
        await client.aclose()


async def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    async with scripted(lambda _: Said({})) as server:
        await ask(names, server, "/api", "/again")
        port = server.url.rsplit(":", 1)[1]
    assert [asked.path for asked in server.asked] == ["/api", "/again"]
    assert {asked.headers["host"] for asked in server.asked} == {f"prometheus.example:{port}"}
    assert names.asked == 1, "a connection that is used again leads where it led"


async def test_a_name_is_judged_at_every_new_connection() -> None:
    names = Names(["127.0.0.1"], ["169.254.169.254"])
    async with scripted(lambda _: Said({}, headers={"connection": "close"})) as server:
        with pytest.raises(PermanentError, match=r"prometheus\.example leads to 169\.254\.169\.254"):
            await ask(names, server, "/api", "/again")
    assert [asked.path for asked in server.asked] == ["/api"]


async def test_a_name_that_leads_to_metadata_is_not_asked() -> None:
    async with scripted(lambda _: Said({})) as server:
        with pytest.raises(PermanentError, match=r"prometheus\.example leads to 169\.254\.169\.254"):
            await ask(Names(["127.0.0.1", "169.254.169.254"]), server, "/api")
    assert server.asked == []


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    async with scripted(lambda _: Said({})) as server:
        await ask(Names(["127.0.0.9", "127.0.0.1"]), server, "/api")
    assert [asked.path for asked in server.asked] == ["/api"]


async def test_a_name_that_nobody_knows_may_be_known_later() -> None:
    async def nobody(host: str, port: int) -> Sequence[str]:
        raise OSError(host, port)

    with pytest.raises(TransientError, match="has no address"):
        await judged("gone.example", 80, system="Loki", resolver=nobody)
