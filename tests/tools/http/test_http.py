"""What the shared HTTP client does with everything that a system may answer, or not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from tests.tools.scripted_server import Asked, Said, scripted
from tools.errors import ConflictError, ForbiddenError, NotFoundError, PermanentError, ToolError, TransientError
from tools.estate import Endpoint
from tools.http import HttpClient, Method, segment
from tools.wire import Wire

GOOD = Said({"name": "checkout", "added": "in some later version"})


class Thing(Wire):
    name: str


def client_of(url: str, **settings: object) -> HttpClient:
    return HttpClient(Endpoint.model_validate({"url": url, "timeout_seconds": 5, **settings}), system="Shop")


def in_turn(*answers: Said) -> Callable[[Asked], Said]:
    waiting = list(answers)
    return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


async def ask(url: str, **settings: object) -> Thing:
    client = client_of(url, **settings)
    try:
        return await client.get("/thing", Thing)
    finally:
        await client.aclose()


STATUSES = [
    pytest.param(401, {}, ForbiddenError, id="401 says to check the credentials"),
    pytest.param(403, {}, ForbiddenError, id="403 is forbidden"),
    pytest.param(
        403, {"x-ratelimit-remaining": "0"}, TransientError, id="GitHub's spent rate limit is no lack of rights"
    ),
    pytest.param(404, {}, NotFoundError, id="404 is not found"),
    pytest.param(410, {}, NotFoundError, id="410 is not found"),
    pytest.param(409, {}, ConflictError, id="409 is a conflict"),
    pytest.param(412, {}, ConflictError, id="412 is a conflict"),
    pytest.param(422, {}, PermanentError, id="422 stays as it is when asked again"),
    pytest.param(429, {"retry-after": "60"}, TransientError, id="429 may work later"),
    pytest.param(501, {}, PermanentError, id="501 is never implemented"),
    pytest.param(503, {}, TransientError, id="503 may work later"),
]


@pytest.mark.parametrize(("status", "headers", "kind"), STATUSES)
async def test_a_status_becomes_an_error_of_ours(status: int, headers: dict[str, str], kind: type[ToolError]) -> None:
    async with scripted(lambda _: Said({"message": "no"}, status, headers)) as server:
        with pytest.raises(ToolError) as raised:
            await ask(server.url)
    assert type(raised.value) is kind
    assert f"Shop answered {status} at /thing" in str(raised.value)


async def test_a_read_is_tried_again_after_a_transient_error() -> None:
    async with scripted(in_turn(Said(status=503), Said(status=502), GOOD)) as server:
        assert (await ask(server.url)).name == "checkout"
        assert len(server.asked) == 3


async def test_a_read_is_not_tried_again_after_a_permanent_error() -> None:
    async with scripted(lambda _: Said(status=404)) as server:
        with pytest.raises(NotFoundError):
            await ask(server.url)
        assert len(server.asked) == 1


async def test_a_write_is_sent_once_whatever_comes_back() -> None:
    async with scripted(lambda _: Said(status=503)) as server:
        client = client_of(server.url)
        with pytest.raises(TransientError):
            await client.send("POST", "/thing", Thing, body={"a": 1})
        await client.aclose()
        assert len(server.asked) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_write_is_sent_once_when_its_connection_is_lost(method: Method) -> None:
    def lost(asked: Asked) -> Said:
        if asked.method == "GET":
            return GOOD
        raise ConnectionResetError

    async with scripted(lost) as server:
        client = client_of(server.url)
        await client.get("/thing", Thing)
        with pytest.raises(TransientError, match=f"Shop: the connection was lost after a {method} of /thing: it may"):
            await client.send(method, "/thing", Thing, body={"a": 1})
        await client.aclose()
    assert [asked.method for asked in server.asked] == ["GET", method]


async def test_a_short_retry_after_is_waited_for_and_a_long_one_is_passed_on() -> None:
    async with scripted(in_turn(Said(status=429, headers={"retry-after": "1"}), GOOD)) as server:
        started = asyncio.get_running_loop().time()
        assert (await ask(server.url)).name == "checkout"
        assert asyncio.get_running_loop().time() - started >= 1
    async with scripted(lambda _: Said(status=429, headers={"retry-after": "120"})) as server:
        with pytest.raises(TransientError) as raised:
            await ask(server.url)
        assert raised.value.retry_after == 120
        assert len(server.asked) == 1


async def test_a_silent_system_is_given_up_in_time() -> None:
    async def never(asked: Asked) -> Said:
        await asyncio.sleep(60)
        return GOOD

    async with scripted(never) as server:
        with pytest.raises(TransientError, match=r"did not answer within 0\.1 s"):
            await ask(server.url, timeout_seconds=0.1)


async def test_a_system_that_is_not_there_is_transient() -> None:
    async with scripted(lambda _: GOOD) as server:
        gone = server.url
    with pytest.raises(TransientError, match=r"Shop cannot be reached at 127\.0\.0\.1: Connection refused"):
        await ask(gone)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(None, "No such file", id="no such file"),
        pytest.param("key: value", "certificate", id="a file without certificates"),
    ],
)
async def test_a_ca_file_that_cannot_be_used_is_named_when_its_system_is_asked(
    content: str | None, why: str, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    client = client_of("https://127.0.0.1:9", ca_file=str(file))
    with pytest.raises(PermanentError, match=rf"Shop: ca_file {file} cannot be used .*{why}.*name a PEM file"):
        await client.get("/thing", Thing)
    with pytest.raises(PermanentError, match="ca_file"):
        await client.judge()
    await client.aclose()


async def test_tls_where_none_is_spoken_says_what_to_write() -> None:
    async def plain(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TransientError, match="write http:// instead of https://"):
            await ask(f"https://127.0.0.1:{port}")


async def test_no_tls_where_it_is_spoken_says_what_to_write() -> None:
    said = Said("Client sent an HTTP request to an HTTPS server.", 400)
    async with scripted(lambda _: said) as server:
        with pytest.raises(PermanentError, match="write https:// instead of http://"):
            await ask(server.url)


async def test_an_endless_answer_is_cut_off_with_an_error() -> None:
    async with scripted(lambda _: Said(b"x" * 2000)) as server:
        client = client_of(server.url)
        with pytest.raises(PermanentError, match="more than 1000 bytes"):
            await client.fetch("GET", "/thing", limit=1000)
        text, cut = await client.get_text("/thing", limit=1000)
        await client.aclose()
    assert (len(text), cut) == (1000, True)


async def test_a_redirect_on_the_same_origin_is_followed_for_a_read() -> None:
    async with scripted(in_turn(Said(status=301, headers={"location": "/moved"}), GOOD)) as server:
        assert (await ask(server.url)).name == "checkout"
        assert [asked.path for asked in server.asked] == ["/thing", "/moved"]


async def test_a_redirect_to_another_host_is_refused_and_no_credentials_go_there() -> None:
    async with (
        scripted(lambda _: GOOD) as other,
        scripted(lambda _: Said(status=302, headers={"location": f"{other.url}/thing"})) as server,
    ):
        with pytest.raises(PermanentError, match="not the configured address"):
            await ask(server.url, token="s3cr3t-token")
        assert other.asked == []


async def test_a_redirect_with_somebody_s_name_keeps_our_credentials() -> None:
    async with scripted(lambda _: GOOD) as server:
        there = server.url.replace("http://", "http://user:pw@")
        async with scripted(lambda _: Said(status=302, headers={"location": f"{there}/moved"})) as first:
            with pytest.raises(PermanentError, match="not the configured address"):
                await ask(first.url, token="abc")
        assert server.asked == []
    seen: list[Asked] = []

    def moving(asked: Asked) -> Said:
        seen.append(asked)
        host = asked.headers["host"]
        return GOOD if len(seen) > 1 else Said(status=302, headers={"location": f"http://user:pw@{host}/moved"})

    async with scripted(moving) as server:
        assert (await ask(server.url, token="abc")).name == "checkout"
    assert [asked.headers["authorization"] for asked in seen] == ["Bearer abc", "Bearer abc"]


@pytest.mark.parametrize("location", ["mailto:somebody", "http://[::1"])
async def test_a_redirect_to_what_is_no_address_says_so(location: str) -> None:
    async with scripted(lambda _: Said(status=302, headers={"location": location})) as server:
        with pytest.raises(PermanentError, match="which is no address"):
            await ask(server.url)


async def test_a_token_with_a_line_break_is_an_error_of_ours() -> None:
    async with scripted(lambda _: GOOD) as server:
        with pytest.raises(PermanentError, match="Shop cannot be asked like this"):
            await ask(server.url, token=SecretStr("abc\n"))
    assert server.asked == []


@pytest.mark.parametrize("path", ["thing", "//elsewhere/thing", "/a/../../b"])
async def test_a_path_cannot_leave_the_configured_address(path: str) -> None:
    client = client_of("http://127.0.0.1:1/base")
    with pytest.raises(PermanentError, match="no path below"):
        await client.get(path, Thing)
    await client.aclose()


def test_a_segment_cannot_leave_its_place() -> None:
    assert segment("a/../b?c#d") == "a%2F..%2Fb%3Fc%23d"


@pytest.mark.parametrize(
    "url", ["ftp://shop", "shop:9090", "http://user:password@shop", "http://", "http://shop:99999"]
)
def test_a_wrong_address_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises((PermanentError, ValidationError)):
        client_of(url)


async def test_the_base_path_is_kept() -> None:
    async with scripted(lambda _: GOOD) as server:
        await ask(f"{server.url}/prometheus/")
        assert server.asked[0].path == "/prometheus/thing"


async def test_credentials_are_sent_as_configured() -> None:
    async with scripted(lambda _: GOOD) as server:
        await ask(server.url, token=SecretStr("abc"))
        await ask(server.url, username="u", password=SecretStr("p"))
        await ask(server.url)
    assert [asked.headers.get("authorization") for asked in server.asked] == ["Bearer abc", "Basic dTpw", None]


async def test_a_username_with_a_colon_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(PermanentError, match="Shop: a username has no colon"):
        client_of("http://127.0.0.1:1", username="u:p", password=SecretStr("p"))


@pytest.mark.parametrize("scheme", ["http://", ""], ids=["as an address", "without a scheme"])
async def test_a_proxy_of_the_environment_is_asked_with_its_credentials(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    async with scripted(lambda _: GOOD) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("http://", f"{scheme}me:pw@"))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert (await ask("http://shop.example/base", token=SecretStr("abc"))).name == "checkout"
    [asked] = proxy.asked
    assert (asked.path, asked.headers["host"]) == ("/base/thing", "shop.example")
    assert asked.headers["proxy-authorization"] == "Basic bWU6cHc="
    assert asked.headers["authorization"] == "Bearer abc"


async def test_a_proxy_that_cannot_be_used_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "socks5://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(PermanentError, match="http_proxy names a socks5 proxy"):
        await ask("http://shop.example")


async def test_what_is_written_is_written_as_json() -> None:
    async with scripted(lambda _: GOOD) as server:
        client = client_of(server.url)
        await client.send("POST", "/thing", Thing, body={"ü": [1, None]})
        await client.send("POST", "/thing", Thing)
        await client.post_read("/thing", Thing, data={"query": "a b", "limit": 5})
        await client.aclose()
    told = [(asked.body.decode(), asked.headers.get("content-type")) for asked in server.asked]
    assert told == [
        ('{"ü":[1,null]}', "application/json"),
        ("", None),
        ("query=a+b&limit=5", "application/x-www-form-urlencoded"),
    ]


async def test_a_path_may_bring_its_query() -> None:
    async with scripted(lambda _: GOOD) as server:
        client = client_of(server.url)
        await client.deliver("/hook?token=a%2Fb&to=a b?", content=b"{}", headers={})
        await client.get("/thing?a=1", Thing, params={"b": 2})
        await client.aclose()
    assert [(asked.path, asked.query) for asked in server.asked] == [
        ("/hook", {"token": ["a/b"], "to": ["a b?"]}),
        ("/thing", {"a": ["1"], "b": ["2"]}),
    ]


async def test_a_path_is_sent_as_it_is_written() -> None:
    async with scripted(lambda _: GOOD) as server:
        client = client_of(server.url)
        for path in (f"/a/{segment('b/c d')}", "/ü/a b", "/x%2Fy~z+w"):
            await client.get(path, Thing)
        await client.aclose()
    assert [asked.path for asked in server.asked] == ["/a/b%2Fc%20d", "/%C3%BC/a%20b", "/x%2Fy~z+w"]


async def test_an_error_does_not_repeat_a_secret_that_the_system_echoed() -> None:
    async with scripted(lambda _: Said({"message": "bad password: hunter2"}, 400)) as server:
        with pytest.raises(PermanentError) as raised:
            await ask(server.url)
    assert "hunter2" not in str(raised.value)


async def test_an_unknown_form_names_the_field() -> None:
    async with scripted(lambda _: Said({"name": 5})) as server:
        with pytest.raises(PermanentError, match="form that is not known: name"):
            await ask(server.url)


async def test_parameters_are_written_as_systems_read_them() -> None:
    async with scripted(lambda _: GOOD) as server:
        client = client_of(server.url)
        await client.get("/thing", Thing, params={"a": True, "b": None, "c": 1700000000.5, "d": ["x", "y"], "e": 3})
        assert client.describe("/thing", params={"q": "a b"}) == "GET /thing?q=a+b"
        await client.aclose()
    assert server.asked[0].query == {"a": ["true"], "c": ["1700000000.5"], "d": ["x", "y"], "e": ["3"]}
