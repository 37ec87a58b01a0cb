"""The audit page: what it says of the chain, of the signer, and of an end that nobody signed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from incidents.heads import Head, SignedHead
from incidents.ids import Digest, KeyId
from incidents.ledger import Break
from orchestrator.ledger import Audit
from service.web.pages.audit import judged
from tests.incidents.making import NOW

HASH = Digest("sha256:" + "a" * 64)
SIGNED = SignedHead(head=Head(seq=5, hash=HASH, at=NOW), key=KeyId("ed25519:0123456789abcdef"), signature="x")


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
