"""Signing in with an identity provider that runs as a process of its own, and everything that must not work."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from incidents.scope import Grant
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from service.web.app import create_app
from service.web.context import WebContext
from service.web.oidc import Provider, SignInError
from tests.service.web.provider import CLIENT, SECRET, provider
from tests.service.web.serving import TOKENS, web_context, web_settings
from tests.service.web.signing import csrf_of
from tools.clock import ManualClock

DANA = {"sub": "u-1", "email": "dana@example.com", "name": "Dana"}
PEOPLE = """
people:
  - name: Mira
    email: mira@example.com
    oidc_subject: u-7
    roles: [{role: owner, services: [checkout]}]
groups:
  sre: [oncall]
  team-shop: [{role: owner, namespaces: [shop]}]
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as address:
        yield address


@pytest.fixture
def settings(issuer: str, tmp_path: Path) -> Settings:
    (tmp_path / "people.yaml").write_text(PEOPLE)
    oidc = {"issuer": issuer, "client_id": CLIENT, "client_secret": SECRET, "label": "Example"}
    listen = {"public_url": "http://midwatch.test"}
    return web_settings(oidc=oidc, listen=listen, directory=str(tmp_path / "people.yaml"))


class Browser:
    """Follows redirects between the console and the provider as a browser does; keeps the console's cookies."""

    def __init__(self, console: httpx.AsyncClient, issuer: str) -> None:
        self.console, self.issuer = console, issuer

    async def becomes(self, **person: Any) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            await client.post(f"{self.issuer}/test/next", json=person)

    async def sent_to_provider(self, **query: str) -> str:
        answer = await self.console.get("/sign-in/oidc", params=query)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def comes_back(self, url: str) -> str:
        """The path of the console to which the provider sends it."""
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            answer = await client.get(url)
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["location"])
        assert f"{back.scheme}://{back.netloc}{back.path}" == "http://midwatch.test/sign-in/oidc/callback"
        return f"{back.path}?{back.query}"

    async def signs_in(self, **person: Any) -> httpx.Response:
        await self.becomes(**person)
        return await self.console.get(await self.comes_back(await self.sent_to_provider()))


@pytest.fixture
async def browser(client: httpx.AsyncClient, issuer: str) -> Browser:
    return Browser(client, issuer)


async def test_a_person_signs_in_and_is_who_the_directory_says(browser: Browser, context: WebContext) -> None:
    answer = await browser.signs_in(**DANA)
    assert answer.status_code == 200
    assert 'content="0;url=/"' in answer.text
    session = context.identities.session(browser.console.cookies["midwatch"])
    assert session is not None
    assert (session.person.id, session.person.roles) == ("dana@example.com", ("viewer", "oncall"))
    assert (await browser.console.get("/")).status_code == 200


async def test_the_request_carries_what_the_flow_needs(browser: Browser) -> None:
    asked = parse_qs(urlsplit(await browser.sent_to_provider()).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert {"openid", "email"} <= set(asked["scope"][0].split())
    assert all(len(asked[name][0]) >= 32 for name in ("state", "nonce", "code_challenge"))


async def test_cookies_of_flow_and_session_are_out_of_reach(browser: Browser) -> None:
    begun = await browser.console.get("/sign-in/oidc")
    flow = begun.headers["set-cookie"].lower()
    assert {"httponly", "samesite=lax", "path=/sign-in/oidc"} <= {part.strip() for part in flow.split(";")}
    answer = await browser.signs_in(**DANA)
    cookies = {cookie.partition("=")[0]: cookie.lower() for cookie in answer.headers.get_list("set-cookie")}
    assert {"httponly", "samesite=strict"} <= {part.strip() for part in cookies["midwatch"].split(";")}
    assert "max-age=0" in cookies["midwatch-flow"]


async def test_over_https_the_cookies_are_secure(store: Store, settings: Settings, clock: ManualClock) -> None:
    over = settings.model_copy(update={"listen": settings.listen.model_copy(update={"public_url": "https://m.test"})})
    app = create_app(web_context(store, over, clock))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://m.test") as client:
        answer = await client.get("/sign-in/oidc")
    assert answer.headers["set-cookie"].startswith("__Secure-midwatch-flow=")
    assert "Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("person", "id_", "roles", "grants"),
    [
        pytest.param(
            {"sub": "u-7", "email": "other@example.com", "verified": False},
            "mira@example.com", (), (Grant(role="owner", services=("checkout",)),),
            id="by subject, whatever their address is now",
        ),
        pytest.param(
            {**DANA, "groups": ["team-shop", "unknown"]},
            "dana@example.com", ("viewer", "oncall"), (Grant(role="owner", namespaces=("shop",)),),
            id="the roles of groups are added",
        ),
        pytest.param(
            {"sub": "u-9", "email": "new@example.com", "name": "New", "groups": ["sre"]},
            "new@example.com", ("oncall",), (),
            id="a group is enough",
        ),
        pytest.param(
            {"sub": "u-9", "userinfo": {"sub": "u-9", "groups": ["sre"]}, "claims": {"groups": None},
             "email": "new@example.com"},
            "new@example.com", (), (),
            id="what the token says wins over userinfo",
        ),
    ],
)  # fmt: skip
async def test_who_somebody_is(
    browser: Browser,
    context: WebContext,
    person: dict[str, Any],
    id_: str,
    roles: tuple[str, ...],
    grants: tuple[Grant, ...],
) -> None:
    answer = await browser.signs_in(**person)
    session = context.identities.session(browser.console.cookies.get("midwatch", ""))
    if not roles and not grants:
        assert (answer.status_code, session) == (403, None)
        return
    assert session is not None
    assert (session.person.id, session.person.roles, session.person.grants) == (id_, roles, grants)


NOW = int(time.time())


@pytest.mark.parametrize(
    ("person", "said"),
    [
        pytest.param({"claims": {"nonce": "of another attempt"}}, "nonce", id="another nonce"),
        pytest.param({"claims": {"nonce": None}}, "nonce", id="no nonce"),
        pytest.param({"claims": {"exp": NOW - 600, "iat": NOW - 900}}, "expired", id="an expired token"),
        pytest.param({"claims": {"aud": "another-client"}}, "aud", id="another audience"),
        pytest.param(
            {"claims": {"aud": [CLIENT, "other"], "azp": "other"}}, "azp", id="issued to another client for us too"
        ),
        pytest.param({"claims": {"iss": "https://evil.example.com"}}, "iss", id="another issuer"),
        pytest.param({"claims": {"iat": NOW + 3600}}, "future", id="from the future"),
        pytest.param({"forged": True}, "cannot be believed", id="signed with another key"),
        pytest.param({"unsigned": True}, "cannot be believed", id="not signed at all"),
        pytest.param({"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}}, "at_hash", id="of another access token"),
        pytest.param({"verified": False}, "no verified e-mail", id="an address that nobody verified"),
        pytest.param({"email": "stranger@example.com"}, "not in its directory", id="a stranger"),
        pytest.param({"refuses": True}, "access_denied", id="the provider refuses"),
    ],
)
async def test_what_does_not_sign_in(browser: Browser, person: dict[str, Any], said: str) -> None:
    answer = await browser.signs_in(**{**DANA, **person})
    assert answer.status_code == 403
    assert said in answer.text
    assert "midwatch" not in browser.console.cookies
    assert (await browser.console.get("/")).status_code == 303


async def test_an_answer_counts_once(browser: Browser) -> None:
    """Also when the browser kept the flow, and also on another replica: the database knows."""
    await browser.becomes(**DANA)
    back = await browser.comes_back(await browser.sent_to_provider())
    flow = browser.console.cookies["midwatch-flow"]
    assert (await browser.console.get(back)).status_code == 200
    browser.console.cookies.clear()
    browser.console.cookies.set("midwatch-flow", flow, path="/sign-in/oidc")
    again = await browser.console.get(back)
    assert (again.status_code, "used already" in again.text) == (403, True)


async def test_an_answer_in_another_browser_does_nothing(browser: Browser) -> None:
    """Nobody can be signed in as somebody else by being sent to an address."""
    await browser.becomes(**DANA)
    back = await browser.comes_back(await browser.sent_to_provider())
    browser.console.cookies.clear()
    assert (await browser.console.get(back)).status_code == 403
    await browser.sent_to_provider()
    mixed = await browser.console.get(back)
    assert (mixed.status_code, "another attempt" in mixed.text) == (403, True)


async def test_a_code_of_another_attempt_fails_at_the_provider(browser: Browser) -> None:
    """PKCE: a code that was stolen is worth nothing without the verifier of the browser that asked for it."""
    await browser.becomes(**DANA)
    stolen = parse_qs(urlsplit(await browser.comes_back(await browser.sent_to_provider())).query)["code"][0]
    own = parse_qs(urlsplit(await browser.comes_back(await browser.sent_to_provider())).query)["state"][0]
    answer = await browser.console.get("/sign-in/oidc/callback", params={"code": stolen, "state": own})
    assert (answer.status_code, "PKCE" in answer.text) == (403, True)


async def test_a_session_that_was_there_before_is_not_taken_over(browser: Browser, context: WebContext) -> None:
    """Session fixation: signing in gives a new cookie and a new form token."""
    await browser.console.post("/sign-in", data={"token": TOKENS["ada"]})
    before, form = browser.console.cookies["midwatch"], await csrf_of(browser.console, "/")
    await browser.signs_in(**DANA)
    assert browser.console.cookies["midwatch"] != before
    answer = await browser.console.post("/control", data={"switch": "pause", "reason": "x", "csrf": form})
    assert answer.status_code == 403


async def test_leaving_the_directory_ends_the_session(browser: Browser, settings: Settings) -> None:
    await browser.signs_in(sub="u-9", email="new@example.com", groups=["sre"])
    assert (await browser.console.get("/")).status_code == 200
    assert settings.directory is not None
    settings.directory.write_text(PEOPLE.replace("sre:", "sre-old:"))
    assert (await browser.console.get("/")).status_code == 303


@pytest.mark.parametrize("wanted", ["//evil.example.com", "https://evil.example.com"])
async def test_it_leads_to_no_other_host(browser: Browser, wanted: str) -> None:
    await browser.becomes(**DANA)
    back = await browser.comes_back(await browser.sent_to_provider(next=wanted))
    assert 'content="0;url=/"' in (await browser.console.get(back)).text


async def test_a_provider_that_calls_itself_otherwise_is_not_asked(browser: Browser) -> None:
    await browser.becomes(issuer="https://evil.example.com")
    answer = await browser.console.get("/sign-in/oidc")
    assert (answer.status_code, "calls itself" in answer.text) == (502, True)


async def test_a_provider_that_is_down_is_said(store: Store, settings: Settings, clock: ManualClock) -> None:
    gone = settings.model_copy(update={"oidc": settings.oidc.model_copy(update={"issuer": "http://127.0.0.1:1"})})
    app = create_app(web_context(store, gone, clock))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://midwatch.test") as client:
        answer = await client.get("/sign-in/oidc")
    assert (answer.status_code, "does not answer" in answer.text) == (502, True)
    assert "sign in with a token" in answer.text


async def test_the_door_offers_it(browser: Browser) -> None:
    page = await browser.console.get("/sign-in?next=/audit")
    assert 'href="/sign-in/oidc?next=/audit"' in page.text
    assert "Sign in with Example" in page.text


async def test_a_provider_whose_name_means_something_else_by_now_is_not_asked(
    browser: Browser, issuer: str, settings: Settings
) -> None:
    """DNS rebinding: the first answer is good, the second leads to a metadata service."""
    await browser.becomes(**DANA)
    answers: list[list[str]] = [["127.0.0.1"], ["169.254.169.254"]]

    async def names(host: str, port: int) -> list[str]:
        del host, port
        return answers.pop(0) if len(answers) > 1 else answers[0]

    console = Provider(settings.oidc, redirect_uri="http://midwatch.test/sign-in/oidc/callback", resolver=names)
    elsewhere = settings.oidc.model_copy(update={"issuer": issuer.replace("127.0.0.1", "localhost")})
    by_name = Provider(elsewhere, redirect_uri="http://midwatch.test/sign-in/oidc/callback", resolver=names)
    with pytest.raises(SignInError, match=r"calls itself http://127"):
        await by_name.begin(next_path="/")
    with pytest.raises(SignInError, match=r"localhost leads to 169\.254\.169\.254 is a cloud's metadata service"):
        await by_name.begin(next_path="/")
    await console.begin(next_path="/")


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
async def test_addresses_that_the_provider_names_are_judged(browser: Browser, name: str) -> None:
    await browser.becomes(**DANA, discovery={name: "https://169.254.169.254/latest"})
    answer = await browser.console.get("/sign-in/oidc")
    assert "names an address that nobody asks" in answer.text
