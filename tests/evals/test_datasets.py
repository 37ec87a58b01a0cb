"""`midwatch eval --dataset`: cases are run by the real parts, broken ones are counted, results do not depend on order."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

import evals.datasets
from evals.datasets.dataset import Ask, DatasetError, Judgement
from incidents.alert import Alert, AlertStatus
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis
from incidents.ids import Fingerprint
from service.cli import app
from worlds.recorded.recording import Recording

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def deployment(name: str, *, image: str) -> dict[str, object]:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": image}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": "1", "generation": 1},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
        "status": {"replicas": 1, "unavailableReplicas": 1, "observedGeneration": 1},
    }


class SmallCase:
    """One deployment that is not available, and nothing else that anybody recorded."""

    def __init__(self, folder: Path) -> None:
        self.id, self.family, self.folder = folder.name, folder.name.split("-")[0], folder

    def load(self) -> tuple[Recording, Ask]:
        if self.id.startswith("broken"):
            raise DatasetError(f"{self.folder}/case.json:1: no such field")
        recording = Recording(
            cluster="c1",
            now=NOW,
            objects=[deployment("web", image="web:1")],
            absent=frozenset({"prometheus", "alertmanager", "loki", "github", "argocd", "opencost", "traces"}),
        )
        alert = Alert(
            fingerprint=Fingerprint("00000000000000a1"),
            status=AlertStatus.FIRING,
            labels={"alertname": "Unavailable", "namespace": "shop", "deployment": "web"},
            starts_at=NOW - timedelta(minutes=5),
        )
        return recording, Ask(alerts=(alert,))

    def judge(self, diagnosis: Diagnosis, case: CaseFile) -> Judgement:  # noqa: ARG002 - as every adapter is asked
        seen = any(entity.endswith("shop/deployment/web") for entity in case.inventory)
        return Judgement(
            expected="web", ranked=("web",) if seen else (), correct=seen, metrics={"AC@1": float(seen), "Avg@5": 0.5}
        )


class SmallSet:
    """Every folder is a case."""

    name, title = "small-set", "A small set"

    def cases(self, path: Path) -> list[SmallCase]:
        return [SmallCase(folder) for folder in sorted(path.iterdir())]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with cases, and the adapter among the others."""
    home = tmp_path / "adapters"
    home.mkdir()
    (home / "small_set.py").write_text(f"import sys\nDATASET = sys.modules['{__name__}'].SmallSet()\n")
    assert isinstance(evals.datasets, ModuleType)
    monkeypatch.setattr(evals.datasets, "__path__", [*evals.datasets.__path__, str(home)])
    path = tmp_path / "set"
    for name in ("plain-2", "plain-1", "broken-1"):
        (path / name).mkdir(parents=True)
    return path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["eval", *arguments], env={"COLUMNS": "200"})
    return result.exit_code, result.output


def test_a_set_is_run_scored_by_family_and_written_as_json(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "run.json"
    code, said = run("--dataset", "small-set", "--path", str(small), "--json", str(out))
    assert code == 0, said
    report = json.loads(out.read_text())
    assert (report["suite"], report["cases"], report["failures"]) == ("small-set", 3, 1)
    assert [result["case"] for result in report["results"]] == ["broken-1", "plain-1", "plain-2"]
    assert report["families"]["plain"]["AC@1"] == 1.0
    assert report["metrics"]["AC@1"] == pytest.approx(2 / 3, abs=1e-3), "a case that cannot be run is wrong"
    assert report["metrics"]["Avg@5"] == pytest.approx(1 / 3, abs=1e-3)


def test_a_broken_case_is_told_with_its_reason(small: Path) -> None:
    _, said = run("--dataset", "small-set", "--path", str(small))
    assert "no such field" in said
    assert "1 could not be run" in said


def test_one_case_or_one_family_can_be_chosen(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "one.json"
    run("--dataset", "small-set", "--path", str(small), "--case", "plain-2", "--json", str(out))
    assert [r["case"] for r in json.loads(out.read_text())["results"]] == ["plain-2"]
    run("--dataset", "small-set", "--path", str(small), "--family", "plain", "--limit", "1", "--json", str(out))
    assert [r["case"] for r in json.loads(out.read_text())["results"]] == ["plain-1"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--dataset", "no-such"], "--path", id="a set without its folder"),
        pytest.param(["--dataset", "no-such", "--path", "."], "is no data set", id="a set that nobody knows"),
        pytest.param(["--dataset", "small-set", "--path", "/no/such"], "is no folder", id="a folder that is not there"),
    ],
)
def test_what_cannot_be_run_says_what_to_write(arguments: list[str], words: str, small: Path) -> None:
    code, said = run(*arguments)
    assert code == 2
    assert words in said


def test_a_family_that_is_not_there_names_those_that_are(small: Path) -> None:
    code, said = run("--dataset", "small-set", "--path", str(small), "--family", "none")
    assert code == 2
    assert "broken, plain" in said
