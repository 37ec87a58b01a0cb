"""The settings for people: every value with its source and never a secret; and doctor's checks in the background."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from orchestrator.origins import HIDDEN, UNSET, From, origins
from orchestrator.settings import Settings, load
from orchestrator.store.database import Store
from service.doctor.finding import Answer, Finding, State, Yes
from service.doctor.report import Report
from service.web.app import create_app
from service.web.checkup import Checkup
from tests.service.web.casebook import NOW
from tests.service.web.serving import TOKENS, web_context, web_settings
from tests.service.web.signing import csrf_of, sign_in
from tools.clock import ManualClock

SECRETS = ("s3cret-in-a-url", "s3cret-model-key", "s3cret-session-secret-of-some-length", "s3cret-webhook-token-1234")
FILE = """
database_url: postgresql://midwatch:s3cret-in-a-url@db.example.com:5432/midwatch
session_secret: s3cret-session-secret-of-some-length
webhook: {tokens: [s3cret-webhook-token-1234]}
periods: {lease_seconds: 30}
clusters: [{name: prod-eu, prometheus: {url: "http://prometheus:9090"}}]
"""


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "midwatch.yaml"
    path.write_text(FILE)
    monkeypatch.setenv("MIDWATCH_CONFIG", str(path))
    monkeypatch.setenv("MIDWATCH_MODEL__NAME", "openai:gpt-5.2")
    monkeypatch.setenv("MIDWATCH_MODEL__API_KEY", "s3cret-model-key")
    return path


def test_every_value_says_where_it_comes_from(written: Path) -> None:
    found = {one.path: one for one in origins(load(workers=7))}
    assert (found["periods.lease_seconds"].value, found["periods.lease_seconds"].where) == ("30.0", str(written))
    assert found["periods.sweep_seconds"].source is From.DEFAULT
    name = found["model.name"]
    assert (name.value, name.source, name.where) == ("openai:gpt-5.2", From.ENVIRONMENT, "MIDWATCH_MODEL__NAME")
    assert (found["workers"].value, found["workers"].source) == ("7", From.PROCESS)
    assert found["clusters[prod-eu].prometheus.url"].source is From.FILE
    assert found["policy"].value == UNSET
    assert not found["policy"].chosen


def test_no_secret_is_shown(written: Path) -> None:
    assert written.is_file()
    found = origins(load())
    text = "\n".join(one.value for one in found)
    assert [secret for secret in SECRETS if secret in text] == []
    shown = {one.path: one.value for one in found}
    assert shown["database_url"] == "postgresql://midwatch:***@db.example.com:5432/midwatch"
    assert shown["session_secret"] == shown["model.api_key"] == shown["webhook.tokens"] == HIDDEN


def test_without_anything_set_nothing_was_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [one.path for one in origins(Settings()) if one.chosen] == []


async def test_the_page_shows_settings_and_no_token(client: httpx.AsyncClient) -> None:
    await sign_in(client, "ada")
    page = (await client.get("/settings")).text
    assert "periods.lease_seconds" in page
    assert "On-call primary" in page
    assert [token for token in TOKENS.values() if token in page] == []


async def test_doctor_checks_in_the_background(store: Store) -> None:
    """Without a cluster: the checks ask only what is Midwatch's own."""
    context = web_context(store, web_settings(clusters=[], database_url=store.url), ManualClock(NOW))
    app = create_app(context)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://midwatch.test") as client:
        await sign_in(client, "dana")
        assert "Nothing was checked yet." in (await client.get("/settings/doctor")).text
        csrf = await csrf_of(client, "/settings/doctor")
        assert (await client.post("/settings/doctor", data={"csrf": csrf})).status_code == 303
        first = (await client.get("/settings/doctor", headers={"HX-Target": "checkup"})).text
        assert 'hx-trigger="every 1s"' in first
        async with asyncio.timeout(60):
            while app.state.checkup.running:  # noqa: ASYNC110 - the page polls too
                await asyncio.sleep(0.05)
        page = (await client.get("/settings/doctor")).text
    shown = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "every 1s" not in page
    assert "Database ok" in shown
    assert "none is configured" in shown


async def test_the_five_answers_are_shown(store: Store) -> None:
    context = web_context(store, web_settings(), ManualClock(NOW))
    app = create_app(context)
    answer = Answer(cluster="prod-eu", question="Can an agent trigger CI?", answer=Yes.PARTLY, evidence="on push", how="give it a token")  # fmt: skip
    row = Finding(cluster="prod-eu", what="Loki", state=State.FAILED, found="refused", means="no logs", do="start it")
    app.state.checkup.report = Report(at=NOW, findings=(row,), answers=(answer,))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://midwatch.test") as client:
        await sign_in(client, "ada")
        page = (await client.get("/settings/doctor")).text
        assert "Can an agent trigger CI?" in page
        assert "give it a token" in page
        assert "Something that is configured does not work." in page
        assert "Check again" not in page, "a viewer starts nothing"
        csrf = await csrf_of(client, "/settings/doctor")
        assert (await client.post("/settings/doctor", data={"csrf": csrf})).status_code == 403


async def test_a_check_that_breaks_is_told_and_the_process_goes_on(settings: Settings) -> None:
    checkup = Checkup(settings=None)  # type: ignore[arg-type] # what no settings are breaks every check
    checkup.start()
    while checkup.running:  # noqa: ASYNC110 - it has no event for it
        await asyncio.sleep(0.01)
    assert "could not be finished" in checkup.failure
    assert settings.people
