"""`midwatch doctor` as a command: exit code, JSON, and what it says when it cannot even read its settings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


def doctor(folder: Path, **settings: str) -> tuple[int, str, dict[str, Any]]:
    """Exit code, what was printed, and the JSON."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MIDWATCH_")}
    environment |= {"MIDWATCH_DATA_DIR": str(folder / "data"), "COLUMNS": "140", **settings}
    command = [sys.executable, "-m", "service", "doctor", "--json", str(folder / "build" / "doctor.json")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout, json.loads((folder / "build" / "doctor.json").read_text())


def test_with_nothing_configured_it_says_what_is_missing_and_that_nothing_is_broken(tmp_path: Path) -> None:
    code, printed, report = doctor(tmp_path)
    assert code == 0
    states = {finding["what"]: finding["state"] for finding in report["findings"]}
    assert states["Webhook"] == states["People"] == states["Clusters"] == "missing"
    assert "nobody may deliver any" in printed
    assert not (tmp_path / "data").exists(), "a look makes no database"


def test_what_is_configured_and_does_not_work_fails_the_command(tmp_path: Path) -> None:
    clusters = [{"name": "prod-eu", "prometheus": {"url": "http://127.0.0.1:1"}}]
    code, printed, report = doctor(tmp_path, MIDWATCH_CLUSTERS=json.dumps(clusters))
    assert code == 1
    assert "Does not work: Prometheus (prod-eu)." in printed
    broken = next(finding for finding in report["findings"] if finding["what"] == "Prometheus")
    assert broken["state"] == "failed"
    assert len(report["answers"]) == 5


def test_settings_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    code, printed, report = doctor(tmp_path, MIDWATCH_LISTEN__PORT="eighty")
    assert code == 1
    assert [finding["what"] for finding in report["findings"]] == ["Settings"]
    assert "MIDWATCH_LISTEN__PORT" in printed
