"""An evidence pack: complete, led to a signed head, and whatever is done to it afterwards is found."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from incidents.approval import Channel, Choice
from incidents.canonical import digest_of
from incidents.heads import Trust
from incidents.incident import Phase
from orchestrator.audit.keys import KeyFiles, Keyring, SigningKey
from orchestrator.audit.signing import Notary
from orchestrator.decisions import decide
from orchestrator.store.database import Store
from service.audit.controls import CONTROLS
from service.audit.manifest import MANIFEST_FILE, PackCheck, UnreadablePackError, check_pack, write_pack
from service.audit.pack import EvidencePack, pack_of
from tests.incidents.making import person
from tests.orchestrator.servers import a_copy, embedded_server, migrated
from tests.service.web.casebook import NOW, Casebook
from tests.service.web.serving import web_settings
from tools.clock import ManualClock


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with migrated(embedded_server()) as url:
        yield url


class Desk:
    """A story, a key, and packs made of it."""

    def __init__(self, store: Store, folder: Path) -> None:
        clock, settings = ManualClock(NOW), web_settings()
        store.clock = clock
        self.store, self.settings, self.clock, self.folder = store, settings, clock, folder
        self.book = Casebook(store, settings, clock)
        self.files = KeyFiles(private=folder / "key" / "signing.pem")
        self.key: SigningKey = self.files.load_or_create(NOW)

    @property
    def ring(self) -> Keyring:
        return Keyring(given=[self.key.public])

    async def sign(self) -> None:
        notary = Notary(self.store, key=self.key, trusted=self.ring, file=self.folder / "heads.jsonl")
        await notary.sign(self.clock.now())

    async def pack(self, *, signed: bool = True) -> EvidencePack:
        if signed:
            await self.sign()
        async with self.store.transaction() as tx:
            return await pack_of(tx, self.book.incident, now=self.clock.now())

    def write(self, pack: EvidencePack, *, key: bool = True) -> Path:
        folder = self.folder / "pack"
        write_pack(pack, folder, key=self.key if key else None)
        return folder


@pytest.fixture
async def desk(server: str, tmp_path: Path) -> AsyncIterator[Desk]:
    with a_copy(server) as url:
        async with Store(url) as store:
            yield Desk(store, tmp_path)


@pytest.fixture(scope="module")
def packed(server: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Keyring]:
    """A pack that every test of changes copies: the story is played once."""

    async def made() -> tuple[Path, Keyring]:
        with a_copy(server) as url:
            async with Store(url) as store:
                desk = Desk(store, tmp_path_factory.mktemp("packed"))
                _, folder = await verified(desk)
                return folder, desk.ring

    return asyncio.run(made())


@pytest.fixture
def copy(packed: tuple[Path, Keyring], tmp_path: Path) -> tuple[Path, Keyring]:
    """A copy of it that may be changed."""
    return Path(shutil.copytree(packed[0], tmp_path / "pack")), packed[1]


async def verified(desk: Desk) -> tuple[EvidencePack, Path]:
    await desk.book.reach(Phase.VERIFIED)
    pack = await desk.pack()
    return pack, desk.write(pack)


async def test_a_pack_holds_all_that_was_recorded(desk: Desk) -> None:
    pack, folder = await verified(desk)
    assert {file.name for file in folder.iterdir()} == {"evidence.json", "evidence.html", "manifest.json"}
    found = check_pack(folder, trusted=desk.ring)
    assert found.problems == ()
    assert found.proven
    assert found.manifest_trust is Trust.TRUSTED
    [proposal] = pack.record.proposals
    assert [decision.choice for decision in proposal.decisions] == [Choice.APPROVE]
    assert proposal.verification is not None
    assert [shown.person for shown in pack.cards] == ["dana@example.com"]
    assert pack.cards[0].card.proposal == proposal.digest


async def test_every_control_is_answered_where_there_is_something(desk: Desk) -> None:
    pack, _ = await verified(desk)
    answered = {answer.control.id: answer for answer in pack.controls}
    assert set(answered) == {control.id for control in CONTROLS}
    for name in ("CC7.2", "CC7.5", "CC8.1 (authorises, approves)", "CC8.1 (implements, baseline)", "Article 12(1)"):
        assert answered[name].present, name
    refusals = "record.proposals[].refusals[]"
    assert refusals in answered["CC8.1 (authorises, approves)"].absent, "nobody was refused in this story"


async def test_rejected_proposals_and_refused_clicks_are_in_it(desk: Desk) -> None:
    await desk.book.reach(Phase.AWAITING_DECISION)
    eve = person("eve", "viewer")
    now = desk.clock.now()
    await decide(desk.store, desk.book.digest, person=eve, choice=Choice.APPROVE, channel=Channel.API, now=now)
    await desk.book.reject()
    pack = await desk.pack()
    folder = desk.write(pack)
    assert check_pack(folder, trusted=desk.ring).proven
    page = (folder / "evidence.html").read_text()
    assert "Payments are reconciled until 03:00" in page
    assert "A click of eve" in page


def test_the_page_needs_nothing_else_and_escapes_what_comes_from_outside(packed: tuple[Path, Keyring]) -> None:
    folder, _ = packed
    page = (folder / "evidence.html").read_text()
    assert re.findall(r"<(script|link|img|iframe|object|embed)\b", page) == []
    assert "&lt;img" in page, "the alert's note is an attack, and stands there as text"
    assert "default-src 'none'" in page


def change(folder: Path, name: str, edit: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads((folder / name).read_text())
    edit(document)
    (folder / name).write_text(json.dumps(document))


def reseal(folder: Path) -> None:
    """Write right digests into the manifest, as somebody without the key can."""

    def edit(manifest: dict[str, Any]) -> None:
        for file in manifest["files"]:
            file["digest"] = digest_of((folder / file["name"]).read_bytes())

    change(folder, MANIFEST_FILE, edit)


def _approver(pack: dict[str, Any]) -> None:
    pack["record"]["proposals"][0]["decisions"][0]["person"]["name"] = "Somebody else"


def _reason(pack: dict[str, Any]) -> None:
    pack["proof"]["entries"][-1]["actor"] = "mallory"


def _forgotten(pack: dict[str, Any]) -> None:
    del pack["proof"]["entries"][2]


def _outcome(pack: dict[str, Any]) -> None:
    pack["record"]["proposals"][0]["verification"]["outcome"] = "undone"


def _body(pack: dict[str, Any]) -> None:
    pack["record"]["proposals"][0]["body"]["confidence"] = 0.99


def _unsigned(pack: dict[str, Any]) -> None:
    pack["proof"]["head"]["signature"] = pack["proof"]["head"]["signature"].swapcase()


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        pytest.param(_approver, "the ledger does not say so", id="another approver"),
        pytest.param(_reason, "its content was changed", id="a changed entry"),
        pytest.param(_forgotten, "one was removed", id="an entry left out"),
        pytest.param(_outcome, "no such verification", id="another outcome"),
        pytest.param(_body, "has not the digest", id="another proposal"),
        pytest.param(_unsigned, "signature is not that of its key", id="a forged signature"),
    ],
)
@pytest.mark.parametrize("resealed", [False, True], ids=["as it is", "with a new manifest"])
def test_a_changed_pack_is_found(
    copy: tuple[Path, Keyring], edit: Callable[[dict[str, Any]], None], problem: str, resealed: bool
) -> None:
    folder, ring = copy
    change(folder, "evidence.json", edit)
    if resealed:
        reseal(folder)
    found = check_pack(folder, trusted=ring)
    assert not found.intact
    assert any(problem in text for text in found.problems), found.problems
    said = "changed after it was signed" if resealed else "evidence.json was changed"
    assert any(said in text for text in found.problems), found.problems


def test_a_changed_page_is_found(copy: tuple[Path, Keyring]) -> None:
    folder, ring = copy
    (folder / "evidence.html").write_text("<p>All was well.</p>")
    assert check_pack(folder, trusted=ring).problems == ("evidence.html was changed after the manifest was written",)


async def test_a_pack_of_a_ledger_that_nobody_signed_says_so(desk: Desk) -> None:
    await desk.book.reach(Phase.VERIFIED)
    pack = await desk.pack(signed=False)
    found = check_pack(desk.write(pack, key=False), trusted=desk.ring)
    assert found.intact
    assert not found.proven
    assert (found.head, found.manifest_trust) == (None, None)


async def test_a_key_that_only_the_pack_names_proves_nothing(desk: Desk) -> None:
    await desk.book.reach(Phase.VERIFIED)
    await desk.sign()
    pack = await desk.pack()
    found: PackCheck = check_pack(desk.write(pack), trusted=Keyring())
    assert found.intact
    assert found.head_trust is Trust.SELF_NAMED
    assert not found.proven


async def test_other_incidents_are_in_it_as_digests_only(desk: Desk) -> None:
    await desk.book.reach(Phase.VERIFIED)
    first = desk.book.incident
    await desk.book.reach(Phase.REJECTED, group="cart")
    await desk.sign()
    async with desk.store.transaction() as tx:
        pack = await pack_of(tx, first, now=desk.clock.now())
    assert {entry.incident for entry in pack.proof.entries} == {first}
    assert pack.proof.links
    assert "cart" not in json.dumps([link.model_dump() for link in pack.proof.links])
    assert check_pack(desk.write(pack), trusted=desk.ring).proven


def test_what_is_no_pack_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePackError, match=r"manifest\.json cannot be read"):
        check_pack(tmp_path, trusted=Keyring())
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(UnreadablePackError, match="no part of an evidence pack"):
        check_pack(tmp_path, trusted=Keyring())
