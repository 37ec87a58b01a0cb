"""Which addresses may be configured or connected to, and that a name is connected to as it was judged."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest

from tools.address import GuardedTransport, judged, objection_to_url
from tools.errors import PermanentError, TransientError


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


class Wire(httpx.AsyncBaseTransport):
    """What is below the guard: remembers where it was told to connect to."""

    def __init__(self, *, dead: str = "") -> None:
        self.requests: list[httpx.Request] = []
        self._dead = dead

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.host == self._dead:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(200, request=request)


async def ask(wire: Wire, names: Names, *, url: str = "https://prometheus.example/api") -> httpx.Response:
    async with httpx.AsyncClient(transport=GuardedTransport(wire, system="Prometheus", resolver=names)) as client:
        return await client.get(url)


async def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    wire, names = Wire(), Names(["10.0.0.7"], ["169.254.169.254"])
    assert (await ask(wire, names)).status_code == 200
    [sent] = wire.requests
    assert (sent.url.host, sent.headers["host"]) == ("10.0.0.7", "prometheus.example")
    assert sent.extensions["sni_hostname"] == "prometheus.example"
    assert names.asked == 1


async def test_a_name_that_leads_to_metadata_is_not_asked() -> None:
    wire = Wire()
    with pytest.raises(PermanentError, match=r"prometheus\.example leads to 169\.254\.169\.254"):
        await ask(wire, Names(["10.0.0.7", "169.254.169.254"]))
    assert wire.requests == []


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    wire = Wire(dead="10.0.0.7")
    assert (await ask(wire, Names(["10.0.0.7", "10.0.0.8"]))).status_code == 200
    assert [request.url.host for request in wire.requests] == ["10.0.0.7", "10.0.0.8"]


async def test_a_name_that_nobody_knows_may_be_known_later() -> None:
    async def nobody(host: str, port: int) -> Sequence[str]:
        raise OSError(host, port)

    with pytest.raises(TransientError, match="has no address"):
        await judged("gone.example", 80, system="Loki", resolver=nobody)
