"""`midwatch audit` offline: what an auditor does with files and a key, and the exit codes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from incidents.heads import Head
from incidents.ids import Digest
from incidents.ledger import GENESIS, EntryKind, entry_hash
from orchestrator.audit.keys import KeyFiles
from tests.incidents.making import NOW

ROOT = Path(__file__).parents[3]


def midwatch(folder: Path, *words: str) -> tuple[int, str]:
    """Exit code and output of `midwatch audit ...` without any installation."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MIDWATCH_")}
    environment |= {"MIDWATCH_DATA_DIR": str(folder / "data"), "COLUMNS": "200"}
    command = [sys.executable, "-m", "service", "audit", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


class Export:
    """An exported ledger of three entries, signed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "export"
        self.folder.mkdir()
        self.key = KeyFiles(private=folder / "key" / "signing.pem").load_or_create(NOW)
        self.heads = folder / "heads.jsonl"
        last = self.write("approve", "execute", "verify")
        signed = self.key.sign_head(Head(seq=3, hash=last, at=NOW))
        self.heads.write_text(signed.model_dump_json() + "\n")

    def write(self, *texts: str) -> Digest:
        previous, lines = GENESIS, []
        for seq, text in enumerate(texts, start=1):
            fields = {"seq": seq, "at": NOW, "kind": EntryKind.DECIDED, "incident": None, "actor": "ada"}
            sealed = entry_hash(**fields, payload={"text": text}, previous=previous)  # type: ignore[arg-type]
            plain = fields | {"at": NOW.isoformat(), "payload": {"text": text}, "previous": previous, "hash": sealed}
            lines.append(json.dumps(plain))
            previous = sealed
        (self.folder / "ledger.jsonl").write_text("\n".join(lines) + "\n")
        return previous

    def verify(self, *words: str, heads: bool = True) -> tuple[int, str]:
        kept = ["--heads", str(self.heads)] if heads else []
        return midwatch(self.folder, "verify", str(self.folder), *kept, "--public-key", self.key.public.key, *words)


@pytest.fixture
def export(tmp_path: Path) -> Export:
    return Export(tmp_path)


def test_an_untouched_export_holds_and_is_proven(export: Export) -> None:
    code, said = export.verify("--signed")
    assert code == 0, said
    assert f"signed up to entry 3 by {export.key.public.id}" in said


def test_an_export_written_anew_is_found_by_heads_that_were_kept(export: Export) -> None:
    export.write("approve", "nothing", "verify")
    code, said = export.verify()
    assert code == 1
    assert "the chain was written anew" in said


def test_a_truncated_export_is_found_by_heads_that_were_kept(export: Export) -> None:
    export.write("approve", "execute")
    code, said = export.verify()
    assert code == 1
    assert "1 more entries: the end was cut off" in said


def test_without_a_signature_it_holds_but_is_not_proven(export: Export) -> None:
    code, said = export.verify("--signed", heads=False)
    assert code == 3
    assert "not signed yet" in said


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        pytest.param(["verify", "nowhere.jsonl"], "nowhere.jsonl cannot be read", id="no such ledger"),
        pytest.param(["verify", "x", "--heads", "nowhere"], "nowhere cannot be read", id="no such heads"),
        pytest.param(["verify", "x", "--public-key", "nonsense"], "nonsense is no public key", id="no key"),
    ],
)
def test_what_cannot_be_checked_is_no_verdict(tmp_path: Path, words: list[str], problem: str) -> None:
    code, said = midwatch(tmp_path, *words)
    assert code == 2
    assert problem in said


def test_the_key_is_shown_and_changed(tmp_path: Path) -> None:
    assert midwatch(tmp_path, "key")[0] == 2, "there is none yet"
    old = KeyFiles(private=tmp_path / "data" / "audit" / "signing.pem").load_or_create(NOW).public
    assert old.key in midwatch(tmp_path, "key")[1]
    code, said = midwatch(tmp_path, "rotate")
    assert code == 0
    assert f"follows {old.id}" in said
    assert f"before: {old.key}" in midwatch(tmp_path, "key")[1]
