"""Signed heads: whoever can write the database but has no key cannot hide what they did to the ledger."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from incidents.canonical import Json
from incidents.heads import SignedHead
from incidents.ids import Digest
from incidents.ledger import GENESIS, EntryKind, entry_hash
from orchestrator.audit.keys import KeyFiles, Keyring, UnusableKeyError
from orchestrator.audit.places import heads_file, keyring, read_heads
from orchestrator.audit.signing import BrokenLedgerError, Notary, sign_forever
from orchestrator.ledger import Audit, verify_ledger
from orchestrator.settings import Settings
from orchestrator.store.database import Store
from orchestrator.store.heads import heads_of
from orchestrator.store.ledger import entries, record
from tests.incidents.making import NOW
from tests.orchestrator.conftest import both_servers

UNSEAL = (
    "ALTER TABLE ledger DISABLE TRIGGER midwatch_ledger_is_append_only",
    "ALTER TABLE ledger_head DISABLE TRIGGER midwatch_heads_are_append_only",
)
"""What somebody who owns the database can do."""


class Office:
    """A store, a key and a file of heads."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.files = KeyFiles(private=folder / "signing.pem")
        self.file = folder / "heads.jsonl"

    async def write(self, *numbers: int) -> None:
        for number in numbers:
            async with self.store.transaction() as tx:
                record(tx, kind=EntryKind.DECIDED, incident=None, actor="ada", at=NOW, payload={"n": number})

    async def sign(self, minutes: int = 0) -> SignedHead | None:
        key = self.files.load_or_create(NOW)
        trusted = Keyring(given=(*self.files.known(), key.public))
        notary = Notary(self.store, key=key, trusted=trusted, file=self.file)
        return await notary.sign(NOW + timedelta(minutes=minutes))

    async def audit(self, *, heads: bool = True, keys: bool = True) -> Audit:
        kept = [("heads.jsonl", head) for head in read_heads(self.file)] if heads and self.file.is_file() else []
        return await verify_ledger(self.store, heads=kept, trusted=Keyring(given=self.files.known() if keys else ()))

    async def attack(self, *statements: str) -> None:
        async with self.store.transaction() as tx:
            for statement in (*UNSEAL, *statements):
                await tx.execute(text(statement))


@pytest.fixture
def office(store: Store, tmp_path: Path) -> Office:
    return Office(store, tmp_path)


async def rewrite(store: Store, payloads: Sequence[dict[str, Json]]) -> None:
    """Write the whole chain anew with right hashes, as an attacker with the source code would."""
    previous: Digest = GENESIS
    async with store.transaction() as tx:
        for statement in (*UNSEAL, "DELETE FROM ledger"):
            await tx.execute(text(statement))
        for seq, payload in enumerate(payloads, start=1):
            fields = {"seq": seq, "at": NOW, "kind": EntryKind.DECIDED, "incident": None, "actor": "ada"}
            sealed = entry_hash(**fields, payload=payload, previous=previous)  # type: ignore[arg-type]
            await tx.execute(
                text("INSERT INTO ledger VALUES (:seq, :at, 'decided', NULL, 'ada', CAST(:p AS json), :before, :hash)"),
                {"seq": seq, "at": NOW, "p": json.dumps(payload), "before": previous, "hash": sealed},
            )
            previous = sealed


@both_servers
async def test_a_signed_chain_is_proven(store: Store, tmp_path: Path) -> None:
    office = Office(store, tmp_path)
    await office.write(1, 2)
    signed = await office.sign()
    assert signed is not None
    assert signed.head.seq == 2
    await office.write(3)
    audit = await office.audit()
    assert audit.proven, audit.summary
    assert (audit.signer, audit.unsigned) == (signed.key, 2), "the key's own entry, and the third"
    assert audit.unsigned_since == NOW


async def test_nothing_new_is_not_signed_again(office: Office) -> None:
    await office.write(1)
    assert await office.sign() is not None
    assert await office.sign() is not None, "the entry that names the key"
    assert await office.sign() is None
    assert len(read_heads(office.file)) == 2


async def test_an_empty_ledger_has_no_head(office: Office) -> None:
    assert await office.sign() is None
    assert not office.file.exists()


@pytest.mark.parametrize(
    ("statements", "problem"),
    [
        pytest.param(
            ["UPDATE ledger SET actor = 'mallory' WHERE seq = 2"], "content was changed", id="a changed entry"
        ),
        pytest.param(["DELETE FROM ledger WHERE seq = 2"], "one was removed", id="a removed entry"),
        pytest.param(
            [
                "UPDATE ledger SET seq = seq + 100 WHERE seq IN (2, 3)",
                "UPDATE ledger SET seq = CASE seq WHEN 102 THEN 3 ELSE 2 END WHERE seq > 100",
            ],
            "does not follow",
            id="two entries in the other order",
        ),
        pytest.param(["DELETE FROM ledger WHERE seq > 2"], "the end was cut off", id="a truncated end"),
        pytest.param(
            ["DELETE FROM ledger WHERE seq > 2", "DELETE FROM ledger_head"],
            "the end was cut off",
            id="a truncated end, and the database's heads with it",
        ),
        pytest.param(["DELETE FROM ledger", "DELETE FROM ledger_head"], "the end was cut off", id="everything"),
        pytest.param(
            ["UPDATE ledger_head SET seq = 1"],
            "a signature that is not its key's",
            id="a head moved to another place",
        ),
    ],
)
async def test_what_was_done_to_a_signed_ledger_is_found(office: Office, statements: list[str], problem: str) -> None:
    await office.write(1, 2, 3)
    await office.sign()
    await office.attack(*statements)
    audit = await office.audit()
    assert not audit.intact
    assert any(problem in found.problem for found in audit.breaks), audit.breaks


async def test_a_chain_written_anew_is_found_by_the_heads_beside_it(office: Office) -> None:
    await office.write(1, 2, 3)
    await office.sign()
    await rewrite(office.store, [{"n": 1}, {"n": 2, "by": "mallory"}, {"n": 3}])
    assert "written anew" in (await office.audit(heads=False)).summary


async def test_a_chain_written_anew_with_its_heads_removed_is_found_by_those_kept_elsewhere(office: Office) -> None:
    await office.write(1, 2, 3)
    await office.sign()
    await rewrite(office.store, [{"n": 1}, {"n": 2, "by": "mallory"}, {"n": 3}])
    await office.attack("DELETE FROM ledger_head")
    alone = await office.audit(heads=False)
    assert alone.intact, "the database alone agrees with itself"
    assert not alone.proven, "and says that nobody vouches for it"
    assert "written anew" in (await office.audit()).summary


async def test_a_chain_written_anew_and_signed_by_another_key_proves_nothing(office: Office, tmp_path: Path) -> None:
    await office.write(1, 2, 3)
    await office.sign()
    await rewrite(office.store, [{"n": 1}, {"n": 2, "by": "mallory"}])
    await office.attack("DELETE FROM ledger_head")
    mallory = Office(office.store, tmp_path / "mallory")
    assert await mallory.sign() is not None
    assert await mallory.sign() is not None, "their key is named in their ledger too"
    audit = await office.audit(heads=False)
    assert not audit.proven
    assert audit.signed is None
    assert audit.self_named is not None
    assert "only the ledger itself names" in audit.summary
    assert not (await office.audit()).intact


async def test_a_head_that_somebody_without_the_key_wrote_is_found(office: Office) -> None:
    await office.write(1, 2)
    await office.sign()
    await office.attack("UPDATE ledger_head SET at = at + interval '1 day'")
    assert "signature that is not its key's" in (await office.audit(heads=False)).summary


async def test_nothing_is_signed_over_a_break(office: Office) -> None:
    await office.write(1, 2)
    await office.sign()
    await office.write(3, 4)
    await office.attack("UPDATE ledger SET actor = 'mallory' WHERE seq = 4")
    with pytest.raises(BrokenLedgerError, match="entry 4"):
        await office.sign()
    async with office.store.transaction() as tx:
        assert len(await heads_of(tx)) == 1


async def test_nothing_is_signed_over_an_end_that_was_cut_off(office: Office) -> None:
    await office.write(1, 2, 3)
    await office.sign()
    await office.attack("DELETE FROM ledger WHERE seq = 3", "DELETE FROM ledger_head")
    with pytest.raises(BrokenLedgerError, match="entry 3"):
        await office.sign()


async def test_the_database_refuses_to_change_heads(office: Office) -> None:
    await office.write(1)
    await office.sign()
    with pytest.raises(Exception, match="append-only"):
        async with office.store.transaction() as tx:
            await tx.execute(text("DELETE FROM ledger_head"))


async def test_a_changed_key_is_trusted_by_whoever_knew_the_old_one(office: Office) -> None:
    await office.write(1)
    old = await office.sign()
    assert old is not None
    before = office.files.known()
    new = office.files.rotate(NOW)
    await office.write(2)
    assert await office.sign() is not None
    newer = await office.sign()
    assert newer is not None
    assert newer.key == new.public.id != old.key
    audit = await verify_ledger(office.store, trusted=Keyring(given=before))
    assert audit.proven, audit.summary
    assert audit.signer == new.public.id
    assert {key.id for key in office.files.known()} == {old.key, newer.key}, "the old public key is kept"


async def test_a_key_that_claims_to_follow_another_is_not_believed(office: Office, tmp_path: Path) -> None:
    await office.write(1)
    await office.sign()
    forged = KeyFiles(private=tmp_path / "forged" / "signing.pem").load_or_create(NOW).public
    claimed = forged.model_copy(update={"previous": office.files.known()[0].id, "endorsement": "AAAA"})
    async with office.store.transaction() as tx:
        payload = {"key": claimed.model_dump(mode="json")}
        record(tx, kind=EntryKind.SIGNING_KEY, incident=None, actor="midwatch", at=NOW, payload=payload)
        chain = [entry async for entry in entries(tx)]
    assert chain
    keys = Keyring(given=office.files.known(), named=(claimed,))
    assert keys.find(claimed.id) is None


def test_the_private_key_is_for_its_owner_only(tmp_path: Path) -> None:
    files = KeyFiles(private=tmp_path / "audit" / "signing.pem")
    made = files.load_or_create(NOW)
    assert files.private.stat().st_mode & 0o777 == 0o600
    assert files.load_or_create(NOW).public == made.public, "made once"
    files.private.chmod(0o644)
    with pytest.raises(UnusableKeyError, match="can be read by others"):
        files.load(NOW)


@pytest.mark.parametrize("content", ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "signing.pem"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(UnusableKeyError, match=r"signing\.pem"):
        KeyFiles(private=path).load(NOW)


async def test_it_signs_by_itself_until_it_is_stopped(store: Store, tmp_path: Path) -> None:
    office = Office(store, tmp_path)
    await office.write(1)
    settings = Settings(data_dir=tmp_path, audit={"sign_seconds": 0.05, "heads": str(tmp_path / "elsewhere.jsonl")})
    signing = asyncio.create_task(sign_forever(store, settings))
    while not (tmp_path / "elsewhere.jsonl").exists():  # noqa: ASYNC110 - what it waits for is a file
        await asyncio.sleep(0.05)
    signing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await signing
    [head, *_] = read_heads(tmp_path / "elsewhere.jsonl")
    assert read_heads(heads_file(settings, store.url))[0] == head
    assert (await verify_ledger(store, trusted=keyring(settings))).proven
