"""Tickets over the wire: GitHub's API as worlds serve it, and a webhook that checks what was signed; each filed once."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from pydantic import ValidationError
from sqlalchemy import text
from starlette.types import ASGIApp, Receive, Scope, Send

from incidents.incident import Phase
from incidents.ledger import EntryKind
from incidents.ticket import JOINER, Target
from orchestrator.ledger import evidence_pack
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from orchestrator.store.outbox import TICKET, Wish, claim, want
from orchestrator.store.postmortems import save_postmortem
from orchestrator.ticketing import tickets_of
from service.commands import tickets as command
from service.tickets.filing import Clerk
from service.web.app import create_app
from tests.service.web.casebook import Casebook
from tests.service.web.serving import listening, web_context, web_settings
from tests.service.web.signing import bearer, csrf_of, sign_in
from tools.clock import ManualClock
from tools.webhook.client import KEY, SIGNATURE, TIMESTAMP
from worlds.github.access import Tokens
from worlds.github.app import github_app
from worlds.repository.forge import Forge

REPOSITORY, TOKEN, SECRET = "harbour/shop", "token-that-writes-issues", "a-secret-of-the-webhook"
CONSOLE = "https://midwatch.example.com"


@dataclass(kw_only=True)
class Broken:
    """A server whose first answers are lost after it did what it was asked."""

    app: ASGIApp
    lose: int = 0
    """How many of the next writes are answered with 502."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or self.lose < 1:
            await self.app(scope, receive, send)
            return
        self.lose -= 1

        async def nothing(_: object) -> None:
            """The answer is lost."""

        await self.app(scope, receive, nothing)
        await Response(status_code=502)(scope, receive, send)


@asynccontextmanager
async def github() -> AsyncIterator[tuple[str, Broken]]:
    """GitHub as worlds serve it, with one empty repository."""
    forge = Forge()
    forge.repository(REPOSITORY)
    tokens = Tokens(read="token-that-reads", write=TOKEN)
    served = Broken(app=github_app(forge, base_url="http://github.test", tokens=tokens, now=lambda: 0.0))
    async with listening(served) as url:
        yield url, served


@dataclass(kw_only=True)
class Hook:
    """A receiver of webhooks; `answers` are the statuses of its next answers, then 200."""

    answers: list[int] = field(default_factory=list)
    link: str = "https://tracker.example.com/T-1"
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def app(self) -> FastAPI:
        made = FastAPI()

        @made.post("/tickets")
        async def take(request: Request) -> Response:
            self.got.append((dict(request.headers), await request.body()))
            status = self.answers.pop(0) if self.answers else 200
            headers = {"location": "http://169.254.169.254/"} if status == 307 else {}
            return Response(json.dumps({"url": self.link}), status_code=status, headers=headers)

        return made


def to_github(url: str, **more: object) -> Settings:
    given = {"github": {"url": url, "token": TOKEN}, "repository": REPOSITORY}
    return web_settings(tickets=given | more, listen={"public_url": CONSOLE})


def to_hook(url: str, **more: object) -> Settings:
    given = {"webhook": {"url": f"{url}/tickets?team=shop"}, "secret": SECRET}
    return web_settings(tickets=given | more, listen={"public_url": CONSOLE})


@asynccontextmanager
async def clerk_of(store: Store, settings: Settings) -> AsyncIterator[Clerk]:
    clerk = Clerk(store, settings, console=CONSOLE)
    try:
        yield clerk
    finally:
        await clerk.aclose()


@asynccontextmanager
async def console(store: Store, settings: Settings, clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(web_context(store, settings, clock)))
    async with httpx.AsyncClient(transport=transport, base_url="https://midwatch.example.com") as client:
        yield client


async def issues_at(url: str) -> list[dict[str, str]]:
    async with httpx.AsyncClient(timeout=60, headers={"authorization": f"Bearer {TOKEN}"}) as client:
        found: list[dict[str, str]] = (await client.get(f"{url}/repos/{REPOSITORY}/issues")).json()
    return found


async def due_again(store: Store) -> None:
    """Let the pause before the next try be over."""
    async with store.transaction() as tx:
        await tx.execute(NOW_DUE)


NOW_DUE = text("UPDATE outbox SET not_before = NULL")


async def test_a_click_files_the_postmortem_as_an_issue_and_keeps_its_link(
    store: Store, book: Casebook, clock: ManualClock
) -> None:
    incident = await book.reach(Phase.VERIFIED)
    async with github() as (url, _), console(store, to_github(url), clock) as client:
        await sign_in(client, "dana")
        page = f"/incidents/{incident}/postmortem"
        csrf = await csrf_of(client, page)
        for _again in range(2):
            form = {"csrf": csrf, "target": "github", "next": page}
            answer = await client.post(f"/incidents/{incident}/tickets", data=form)
            assert (answer.status_code, answer.headers["location"]) == (303, page)
        assert "on its way" in (await client.get(page)).text
        async with clerk_of(store, to_github(url)) as clerk:
            assert await clerk.file_next()
            assert not await clerk.file_next()
        [issue] = await issues_at(url)
        shown = (await client.get(page)).text
        listed = (await client.get(f"/incidents/{incident}")).text
    assert issue["title"].startswith("SEV1: ")
    assert "## Root cause" in issue["body"]
    assert f"]: {CONSOLE}/incidents/{incident}/evidence/" in issue["body"]
    assert [label["name"] for label in issue["labels"]] == ["incident"]  # type: ignore[index] # JSON
    for html in (shown, listed):
        assert f'href="{issue["html_url"]}"' in html
        assert "File as" not in html
    assert [e.payload["url"] for e in await evidence_pack(store, incident) if e.kind is EntryKind.TICKET_FILED] == [
        issue["html_url"]
    ]


async def test_a_lost_answer_files_nothing_twice(store: Store, book: Casebook, clock: ManualClock) -> None:
    incident = await book.reach(Phase.VERIFIED)
    async with github() as (url, served), console(store, to_github(url), clock) as client:
        served.lose = 1
        answer = await client.post(f"/api/v1/incidents/{incident}/tickets", json={}, headers=bearer("dana"))
        assert (answer.json()["target"], answer.json()["filed_at"]) == ("github", None)
        async with clerk_of(store, to_github(url)) as clerk:
            assert await clerk.file_next()
            async with store.transaction() as tx:
                [waiting] = await tickets_of(tx, incident)
            assert (waiting.filed_at, waiting.attempts) == (None, 1)
            assert "502" in waiting.problem
            await due_again(store)
            assert await clerk.file_next()
        [issue] = await issues_at(url)
        told = (await client.get(f"/api/v1/incidents/{incident}", headers=bearer("ada"))).json()
    assert [ticket["url"] for ticket in told["tickets"]] == [issue["html_url"]]


async def test_several_senders_and_several_clicks_file_one_issue(
    store: Store, book: Casebook, clock: ManualClock
) -> None:
    incident = await book.reach(Phase.VERIFIED)
    async with github() as (url, _), console(store, to_github(url), clock) as client:
        path = f"/api/v1/incidents/{incident}/tickets"
        async with asyncio.TaskGroup() as group:
            for who in ("dana", "sam", "dana", "sam"):
                group.create_task(client.post(path, json={"target": "github"}, headers=bearer(who)))
        async with (
            clerk_of(store, to_github(url)) as one,
            clerk_of(store, to_github(url)) as two,
            asyncio.TaskGroup() as group,
        ):
            for clerk in (one, two, one, two):
                group.create_task(clerk.file_next())
        assert len(await issues_at(url)) == 1


async def test_a_webhook_can_check_who_sent_it_and_whether_it_came_before(
    store: Store, book: Casebook, clock: ManualClock
) -> None:
    incident, hook = await book.reach(Phase.VERIFIED), Hook(answers=[500])
    async with listening(hook.app) as url, console(store, to_hook(url), clock) as client:
        await client.post(f"/api/v1/incidents/{incident}/tickets", json={}, headers=bearer("dana"))
        async with clerk_of(store, to_hook(url)) as clerk:
            await clerk.file_next()
            await due_again(store)
            await clerk.file_next()
    assert len(hook.got) == 2
    for headers, body in hook.got:
        signed = hmac.new(SECRET.encode(), headers[TIMESTAMP].encode() + b"." + body, hashlib.sha256).hexdigest()
        assert headers[SIGNATURE] == f"sha256={signed}"
        assert headers[KEY] == f"ticket:webhook:{incident}"
    sent = json.loads(hook.got[0][1])
    assert (sent["incident"], sent["console"]) == (incident, f"{CONSOLE}/incidents/{incident}")
    async with store.transaction() as tx:
        [ticket] = await tickets_of(tx, incident)
    assert ticket.url == hook.link


@pytest.mark.parametrize("link", ["javascript:alert(1)", "//evil.example", "", "https://x.example/\u0000"])
async def test_a_link_that_is_no_web_address_is_not_kept(
    store: Store, book: Casebook, clock: ManualClock, link: str
) -> None:
    incident, hook = await book.reach(Phase.VERIFIED), Hook(link=link)
    async with listening(hook.app) as url, console(store, to_hook(url), clock) as client:
        await client.post(f"/api/v1/incidents/{incident}/tickets", json={}, headers=bearer("dana"))
        async with clerk_of(store, to_hook(url)) as clerk:
            await clerk.file_next()
    async with store.transaction() as tx:
        [ticket] = await tickets_of(tx, incident)
    assert ticket.filed_at is not None
    assert ticket.url == ""


async def test_a_redirect_is_not_followed(store: Store, book: Casebook, clock: ManualClock) -> None:
    incident, hook = await book.reach(Phase.VERIFIED), Hook(answers=[307])
    async with listening(hook.app) as url, console(store, to_hook(url), clock) as client:
        await client.post(f"/api/v1/incidents/{incident}/tickets", json={}, headers=bearer("dana"))
        async with clerk_of(store, to_hook(url)) as clerk:
            await clerk.file_next()
    async with store.transaction() as tx:
        [ticket] = await tickets_of(tx, incident)
    assert "redirects a POST" in ticket.problem
    assert len(hook.got) == 1


@pytest.mark.parametrize(
    "given",
    [
        {"webhook": {"url": "http://169.254.169.254/x"}, "secret": SECRET},
        {"webhook": {"url": "http://metadata.google.internal/x"}, "secret": SECRET},
        {"webhook": {"url": "https://hooks.example.com"}},
        {"webhook": {"url": "https://hooks.example.com"}, "secret": "short"},
        {"github": {"url": "https://api.github.com", "token": "x"}},
        {"repository": "harbour/shop"},
        {"github": {"url": "https://api.github.com", "token": "x"}, "repository": "../../user"},
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        web_settings(tickets=given)


async def test_nothing_calls_people_or_leaks_a_secret(store: Store, book: Casebook, clock: ManualClock) -> None:
    incident = await book.reach(Phase.VERIFIED, title="checkout fails, ask @harbour/oncall, see #12")
    async with store.transaction() as tx:
        words = (
            "# Post-mortem\n\nFixes #7, cc @dana. password=hunter2hunter2\n<script>alert(1)</script>\n" + "x" * 70_000
        )
        await save_postmortem(tx, incident, markdown=words, author="dana", at=clock.now())
    async with github() as (url, _), console(store, to_github(url), clock) as client:
        await client.post(f"/api/v1/incidents/{incident}/tickets", json={}, headers=bearer("dana"))
        async with clerk_of(store, to_github(url)) as clerk:
            await clerk.file_next()
        [issue] = await issues_at(url)
    text = issue["title"] + issue["body"]
    assert f"@{JOINER}dana" in text
    assert f"#{JOINER}7" in text
    assert "@dana" not in text
    assert "hunter2" not in text
    assert len(issue["body"]) <= 65_536
    assert "in the console" in issue["body"]


@pytest.mark.parametrize(("who", "status"), [("ada", 403), ("dana", 200), ("sam", 200)])
async def test_only_some_may_file(store: Store, book: Casebook, clock: ManualClock, who: str, status: int) -> None:
    incident = await book.reach(Phase.VERIFIED)
    async with console(store, to_github("http://127.0.0.1:9"), clock) as client:
        path = f"/api/v1/incidents/{incident}/tickets"
        answer = await client.post(path, json={"target": "github"}, headers=bearer(who))
        await sign_in(client, who)
        page = (await client.get(f"/incidents/{incident}/postmortem")).text
    assert answer.status_code == status
    kinds = [entry.kind for entry in await evidence_pack(store, incident)]
    assert (EntryKind.STEERING_REFUSED in kinds) is (status == 403)
    assert "File as" not in page, "nobody is offered what they may not do, nor what is on its way"


async def test_a_target_has_to_be_one_that_is_configured(store: Store, book: Casebook, clock: ManualClock) -> None:
    incident = await book.reach(Phase.VERIFIED)
    async with console(store, web_settings(), clock) as client:
        path = f"/api/v1/incidents/{incident}/tickets"
        answer = await client.post(path, json={"target": "github"}, headers=bearer("dana"))
        unknown = await client.post("/api/v1/incidents/inc-none/tickets", json={}, headers=bearer("dana"))
    assert (answer.status_code, unknown.status_code) == (409, 409)
    assert "tickets.github" in answer.json()["message"]


async def test_by_itself_every_fresh_postmortem_is_filed_once(store: Store, book: Casebook, clock: ManualClock) -> None:
    first = await book.reach(Phase.VERIFIED)
    await clock.advance(2 * 86_400)
    second = await book.reach(Phase.UNDONE, group="search")
    async with github() as (url, _), clerk_of(store, to_github(url, automatic=True)) as clerk:
        assert await clerk.want_drafted() == 1
        assert await clerk.want_drafted() == 0
        assert await clerk.file_next()
        [issue] = await issues_at(url)
    assert second in issue["body"]
    async with store.transaction() as tx:
        assert await tickets_of(tx, first) == ()
        assert [ticket.wanted_by for ticket in await tickets_of(tx, second)] == ["midwatch"]


async def test_chat_and_tickets_do_not_send_each_others_messages(store: Store, clock: ManualClock) -> None:
    async with store.transaction() as tx:
        for key in ("card:x", f"{TICKET}{Target.GITHUB}:x"):
            await want(tx, Wish(key=key, channel="c", payload={"text": key}), now=clock.now())
        chat = await claim(tx, owner="a", seconds=9)
        ticket = await claim(tx, owner="a", seconds=9, tickets=True)
        assert [one.key for one in (chat, ticket) if one] == ["card:x", "ticket:github:x"]
        assert await claim(tx, owner="b", seconds=9) is None
        assert await claim(tx, owner="b", seconds=9, tickets=True) is None


async def test_the_command_files_it_and_says_where(
    store: Store, book: Casebook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    incident = await book.reach(Phase.VERIFIED)
    async with github() as (url, _):
        monkeypatch.setenv("MIDWATCH_DATABASE_URL", store.url)
        monkeypatch.setenv("MIDWATCH_TICKETS__GITHUB", json.dumps({"url": url, "token": TOKEN}))
        monkeypatch.setenv("MIDWATCH_TICKETS__REPOSITORY", REPOSITORY)
        for _again in range(2):
            assert await asyncio.to_thread(command.file, incident, to="") == 0
        [issue] = await issues_at(url)
        assert await asyncio.to_thread(command.file, "inc-none", to="github") == 1
    assert await asyncio.to_thread(command.file, incident, to="jira") == 2
    assert f"filed at {REPOSITORY}: {issue['html_url']}" in capsys.readouterr().out.replace("\n", "")
