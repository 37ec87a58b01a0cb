"""Checking the end of the ledger only: what it saves, what it finds all the same, and what only the whole check finds."""

from __future__ import annotations

from pathlib import Path

import pytest

from incidents.heads import Head
from orchestrator.audit.keys import Keyring
from orchestrator.audit.places import read_heads
from orchestrator.ledger import Audit, verify_tail
from orchestrator.store.database import Store
from tests.orchestrator.audit.test_signing import Office, rewrite


@pytest.fixture
async def office(store: Store, tmp_path: Path) -> Office:
    """Six entries and the one that names the key; signed after the third."""
    made = Office(store, tmp_path)
    await made.write(1, 2, 3)
    await made.sign()
    await made.write(4, 5, 6)
    return made


async def tail(office: Office, *, heads: bool = True, since: Head | None = None, keys: bool = True) -> Audit:
    kept = [("heads.jsonl", head) for head in read_heads(office.file)] if heads else []
    trusted = Keyring(given=office.files.known() if keys else ())
    return await verify_tail(office.store, trusted=trusted, heads=kept, since=since)


async def test_what_was_signed_is_not_read_again_and_the_answer_is_the_same(office: Office) -> None:
    whole, found = await office.audit(), await tail(office)
    assert whole.signed is not None
    assert (whole.checked_from, found.checked_from) == (1, whole.signed.head.seq + 1)
    assert found.model_copy(update={"checked_from": 1}) == whole
    assert found.intact
    assert found.unsigned > 0


async def test_everything_signed_leaves_nothing_to_read(office: Office) -> None:
    await office.sign(minutes=1)
    await office.sign(minutes=2)
    whole, found = await office.audit(), await tail(office)
    assert found.checked_from == whole.entries + 1
    assert found.model_copy(update={"checked_from": 1}) == whole


async def test_without_a_trusted_head_everything_is_read(office: Office) -> None:
    found = await tail(office, keys=False, heads=False)
    assert found.checked_from == 1
    assert found.entries == (await office.audit()).entries


async def test_an_earlier_check_stands_in_for_a_head(office: Office) -> None:
    whole = await office.audit(keys=False)
    assert whole.last_at is not None
    await office.write(7)
    since = Head(seq=whole.entries, hash=whole.head, at=whole.last_at)
    found = await tail(office, keys=False, heads=False, since=since)
    assert (found.checked_from, found.entries, found.intact) == (whole.entries + 1, whole.entries + 1, True)


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param("UPDATE ledger SET payload = '{\"n\": 9}' WHERE seq = 6", id="a new entry is changed"),
        pytest.param("DELETE FROM ledger WHERE seq = 6", id="a new entry is taken out"),
        pytest.param("DELETE FROM ledger WHERE seq > 2", id="the end is cut off before the head"),
        pytest.param("UPDATE ledger SET payload = '{\"n\": 9}' WHERE seq = 3", id="the signed entry is changed"),
        pytest.param("UPDATE ledger SET hash = 'sha256:00' WHERE seq = 3", id="the signed entry's hash is changed"),
    ],
)
async def test_it_finds(office: Office, attack: str) -> None:
    signed = read_heads(office.file)[0].head.seq
    await office.attack(attack.replace("seq = 3", f"seq = {signed}"))
    assert not (await tail(office)).intact


async def test_a_chain_written_anew_is_found_by_the_head_that_was_kept(office: Office) -> None:
    await rewrite(office.store, [{"n": number} for number in range(12)])
    assert not (await tail(office)).intact


async def test_what_only_the_whole_check_finds(office: Office) -> None:
    """Said on the page and in docs/audit.md: content that was changed behind a head, its hash left alone."""
    await office.attack("UPDATE ledger SET payload = '{\"n\": 9}' WHERE seq = 2")
    assert (await tail(office)).intact
    assert not (await office.audit()).intact
