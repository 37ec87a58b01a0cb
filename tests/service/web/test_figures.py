"""Metrics over a real store: what each phase counts for, the page, and the digest in words and as JSON."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from incidents.incident import Phase
from incidents.verification import Outcome
from orchestrator.store.courses import courses
from service.digest.reading import digest_of
from tests.service.web.casebook import Casebook
from tests.service.web.signing import sign_in


async def test_the_course_of_a_verified_incident(book: Casebook) -> None:
    incident = await book.reach(Phase.VERIFIED)
    now = book.clock.now()
    async with book.store.transaction() as tx:
        [found] = await courses(tx, since=now - timedelta(days=1), until=now)
    assert (found.incident, found.outcome, found.cause) == (incident, Outcome.VERIFIED, "memory_limit_too_low")
    assert found.diagnosed is not None
    assert found.proposed is not None
    assert found.answered is not None
    assert found.ended is not None
    assert found.waited == (found.answered - found.proposed).total_seconds() == 65.0
    assert found.began <= found.alerted <= found.noticed <= found.diagnosed <= found.proposed <= found.ended
    assert found.observations > 0


@pytest.mark.parametrize(("phase", "waited"), [(Phase.INVESTIGATING, 0.0), (Phase.AWAITING_DECISION, 120.0)], ids=str)
async def test_what_still_waits_is_counted_until_now(book: Casebook, phase: Phase, waited: float) -> None:
    await book.reach(phase)
    await book.clock.advance(120)
    now = book.clock.now()
    async with book.store.transaction() as tx:
        [found] = await courses(tx, since=now - timedelta(days=1), until=now)
    assert (found.waited, found.answered, found.ended) == (waited, None, None)


async def test_the_digest_says_what_happened(book: Casebook) -> None:
    await book.reach(Phase.VERIFIED)
    await book.clock.advance(3600)
    await book.reach(Phase.INCONCLUSIVE, group="search")
    async with book.store.transaction() as tx:
        told = await digest_of(tx, until=book.clock.now() + timedelta(seconds=1), days=7)
    text = "\n".join(told.lines)
    assert "2 incidents (0 in the period before): 1 verified, 1 inconclusive." in text
    assert "1 change executed: 1 verified." in text
    assert "Most frequent: Memory limit below what the process needs (1)." in text
    assert "Came again" not in text
    async with book.store.transaction() as tx:
        quiet = await digest_of(tx, until=book.clock.now() + timedelta(days=8), days=7)
    assert quiet.lines == ("No incident (2 in the period before).",)


async def test_the_page_and_its_digest(client: httpx.AsyncClient, book: Casebook) -> None:
    await sign_in(client, "ada")
    assert "No incident in this period." in (await client.get("/figures")).text
    await book.reach(Phase.VERIFIED)
    await book.clock.advance(60)
    page = (await client.get("/figures?days=7")).text
    for words in (
        "Time to restore",
        "1 of 1",
        "Memory limit below what the process needs",
        "How it is counted",
        "<svg",
    ):
        assert words in page
    text = await client.get("/figures/digest")
    assert text.headers["content-type"].startswith("text/plain")
    assert "1 verified" in text.text
    figures = (await client.get("/figures/digest.json")).json()["figures"]
    assert (figures["incidents"], figures["verified"]) == (1, 1)
    assert (await client.get("/figures?days=0")).status_code == 422
