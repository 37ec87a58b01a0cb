"""The adapter of incidents with deploys and diffs: small cases of our own, served, investigated and judged."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from evals.datasets.dataset import DatasetError
from evals.datasets.rootcausebench.cases import RootCauseBench
from evals.datasets.rootcausebench.commits import patches
from evals.datasets.rootcausebench.files import CommitRecord
from evals.harness.recorded import run_case

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
SHAS = {"guard": "a" * 40, "tidy": "b" * 40, "docs": "c" * 40}
GUARD = '@@ ledger/book.go @@ func (b *Book) Owner() string {\n-\tif b.Acct == nil {\n-\t\treturn ""\n-\t}\n+\treturn b.Acct.Owner'
TIDY = '@@ ledger/api.go @@ func serve() {\n-\tlog.Printf("x")\n+\tlogger.Info("x")'


def at(minute: float) -> str:
    return (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


def made(folder: Path, *, message: str, commit: str, extra: dict[str, Any] | None = None) -> Path:
    """A case with one service that fails from minute 50 on, and three commits before."""
    data = folder / "environment" / "data"
    (data / "context").mkdir(parents=True)
    (folder / "tests").mkdir()
    alert = {
        "service": "ledger",
        "metric": "http_5xx_ratio",
        "fired_at": at(55),
        "severity": "critical",
        "monitor": "ledger-5xx",
    }
    logs = [
        {"timestamp": at(m / 2), "service": "ledger", "severity_text": "INFO", "msg": "handled request"}
        for m in range(100)
    ]
    logs += [
        {"timestamp": at(50 + m / 4), "service": "ledger", "severity_text": "ERROR", "msg": message, **(extra or {})}
        for m in range(40)
    ]
    rows = [f"{at(m)},ledger,http_5xx_ratio,{0.4 if m >= 50 else 0.001}" for m in range(65)]
    commits = [
        {"sha": SHAS["docs"], "author": "ann", "timestamp": at(5), "message": "docs", "files_changed": ["README.md"]},
        {"sha": SHAS["guard"], "author": "ben", "timestamp": at(30), "message": "simplify", "files_changed": ["ledger/book.go"],
         "diff": GUARD},
        {"sha": SHAS["tidy"], "author": "chi", "timestamp": at(45), "message": "tidy", "files_changed": ["ledger/api.go"],
         "diff": TIDY},
    ]  # fmt: skip
    deploys = [
        {"timestamp": at(32), "service": "ledger", "commit_sha": SHAS["guard"], "version": "v1"},
        {"timestamp": at(47), "service": "ledger", "commit_sha": SHAS["tidy"], "version": "v2"},
    ]
    truth = {"root_cause_commit": commit, "first_failing_service": "ledger", "remediation": "rollback" if commit != "none" else "x",
             "decoy_deploy_commits": [SHAS["tidy"]]}  # fmt: skip
    (data / "alert.json").write_text(json.dumps(alert))
    (data / "logs.ndjson").write_text("\n".join(json.dumps(one) for one in logs))
    (data / "metrics.csv").write_text("timestamp,service,metric,value\n" + "\n".join(rows) + "\n")
    (data / "traces.json").write_text("[]")
    for name, value in (("commits", commits), ("deploys", deploys)):
        (data / "context" / f"{name}.json").write_text(json.dumps(value))
    (folder / "tests" / "ground_truth.json").write_text(json.dumps(truth))
    return folder


async def test_the_commit_that_does_what_fails_is_named_and_the_latest_deploy_is_not(tmp_path: Path) -> None:
    stack = {"stack": "ledger/book.go:7 Book.Owner"}
    made(tmp_path / "nil", message="panic: nil pointer dereference", commit=SHAS["guard"], extra=stack)
    [case] = RootCauseBench().cases(tmp_path)
    result = await run_case(case)
    assert result.error == ""
    assert (result.correct, result.ranked[0]) == (True, "aaaaaaaa"), result.hypotheses
    assert (result.metrics["remediation"], result.metrics["decoys_blamed"]) == (1.0, 0.0)


async def test_no_commit_is_named_when_none_can_do_it(tmp_path: Path) -> None:
    said = "remote error: tls: x509: certificate has expired or is not yet valid (bank.example:443)"
    made(tmp_path / "cert", message=said, commit="none")
    [case] = RootCauseBench().cases(tmp_path)
    result = await run_case(case)
    assert (result.correct, result.ranked) == (True, ("none",)), result.hypotheses


def test_a_diff_for_several_files_is_cut_up_by_file() -> None:
    record = CommitRecord(
        sha="d",
        timestamp=START,
        files_changed=("a/x.go", "b/y.py", "c.md"),
        diff="@@ a/x.go: func F() {\n-one\n+two\n@@ b/y.py @@\n+three",
    )
    assert patches(record) == {"a/x.go": "@@ @@ func F() {\n-one\n+two", "b/y.py": "@@ @@ \n+three", "c.md": ""}


def test_a_folder_without_cases_says_what_a_case_has(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"alert\.json"):
        RootCauseBench().cases(tmp_path)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    folder = made(tmp_path / "broken", message="x", commit="none")
    (folder / "environment/data/logs.ndjson").write_text("{}\n")
    with pytest.raises(DatasetError, match=r"logs\.ndjson: line 1"):
        RootCauseBench().cases(tmp_path)[0].load()
