"""The audit page: what it says of the chain, of the signer, and of an end that nobody signed."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from incidents.heads import Head, SignedHead
from incidents.ids import Digest, KeyId
from incidents.incident import Phase
from incidents.ledger import Break, EntryKind
from orchestrator.ledger import Audit
from orchestrator.store.database import Store
from orchestrator.store.ledger import record
from service.web.pages.audit import judged
from tests.incidents.making import NOW
from tests.service.web.casebook import Casebook
from tests.service.web.signing import csrf_of, sign_in

HASH = Digest("sha256:" + "a" * 64)
SIGNED = SignedHead(head=Head(seq=5, hash=HASH, at=NOW), key=KeyId("ed25519:0123456789abcdef"), signature="x")


async def test_the_page_says_what_was_checked_and_checks_all_when_asked(
    client: httpx.AsyncClient, book: Casebook, store: Store
) -> None:
    await book.reach(Phase.VERIFIED)
    await sign_in(client, "ada")
    first = (await client.get("/audit")).text
    assert "Every entry was read and hashed just now." in first
    assert "Nothing was written since the last check of every entry." in (await client.get("/audit")).text
    async with store.transaction() as tx:
        record(tx, kind=EntryKind.PAUSED, incident=None, actor="ada", at=NOW, payload={"reason": "x"})
    again = (await client.get("/audit")).text
    [count] = re.findall(r"<dt>Entries</dt><dd class=\"num\">(\d+)", again)
    assert f"Entries {count} to {count} were read and hashed just now" in again
    assert "the last check of every entry" in again
    async with store.transaction() as tx:
        await tx.execute(text("ALTER TABLE ledger DISABLE TRIGGER midwatch_ledger_is_append_only"))
        await tx.execute(text("UPDATE ledger SET actor = 'mallory' WHERE seq = 2"))
    assert "The chain is broken." not in (await client.get("/audit")).text
    answer = await client.post("/audit/verify", data={"csrf": await csrf_of(client, "/audit")})
    assert answer.status_code == 303
    async with asyncio.timeout(60):
        while "is being checked" in (page := (await client.get("/audit")).text):  # noqa: ASYNC110 - as a browser asks
            await asyncio.sleep(0.05)
    assert "The chain is broken." in page
    assert "Entry 2" in page


@pytest.mark.parametrize(
    ("changes", "tone", "says"),
    [
        pytest.param({"signed": SIGNED}, "good", "holds and is signed", id="signed by a known key"),
        pytest.param({"self_named": SIGNED}, "ask", "key is not known here", id="signed by a key of its own naming"),
        pytest.param({}, "ask", "nobody has signed it", id="never signed"),
        pytest.param(
            {"signed": SIGNED, "unsigned": 3, "unsigned_since": NOW - timedelta(seconds=200)},
            "good",
            "holds and is signed",
            id="new entries wait for the next signature",
        ),
        pytest.param(
            {"signed": SIGNED, "unsigned": 3, "unsigned_since": NOW - timedelta(seconds=400)},
            "ask",
            "its end is not signed",
            id="nobody signed for a while",
        ),
        pytest.param(
            {"signed": SIGNED, "breaks": (Break(seq=3, problem="gone"),)}, "bad", "broken", id="a broken chain"
        ),
    ],
)
def test_the_strip_says_how_it_stands(changes: dict[str, Any], tone: str, says: str) -> None:
    found = Audit.model_validate({"entries": 5, "breaks": (), "head": HASH, "last_at": NOW} | changes)
    standing = judged(found, now=NOW, period=60, trusts=True)
    assert standing.tone == tone
    assert says in standing.headline
    assert bool(standing.advice) is (tone != "good")
