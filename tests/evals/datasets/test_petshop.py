"""PetShop's format, from small cases of our own: a slow or failing service behind the one whose objective is violated."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from evals.datasets.dataset import DatasetError
from evals.datasets.petshop import DATASET
from evals.harness.recorded import run_case

FRONT, MIDDLE, BACK, ASIDE = "Front_AWS::X", "middle/prod", "https://back.example/queue", "PGSQL Query_remote"
CALLS = {FRONT: (MIDDLE, ASIDE), MIDDLE: (BACK,)}
NODES = {FRONT: (600, 0.20), MIDDLE: (900, 0.05), BACK: (900, 0.02), ASIDE: (300, 0.01)}
"""Requests in five minutes, mean latency in seconds."""
PERIOD = 300
BEGUN = 1_700_000_100 // PERIOD * PERIOD
STATISTICS = (("latency", "Average"), ("latency", "p90"), ("requests", "Sum"), ("availability", "Average"))


def table(path: Path, *, start: int, rows: int, slow: dict[str, float], failing: dict[str, float], bad: range) -> None:
    """Three rows of header, a row that names the index, then figures; `bad` rows are slow by seconds or fail by percent."""
    random = np.random.default_rng(start % 997)
    path.parent.mkdir(parents=True, exist_ok=True)
    keys = [(node, metric, statistic) for node in NODES for metric, statistic in STATISTICS]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        for level, title in enumerate(("microservice", "metric", "statistic")):
            writer.writerow([title, *(key[level] for key in keys)])
        writer.writerow(["unix_timestamp", *("" for _ in keys)])
        for number in range(rows):
            hurt = number in bad
            writer.writerow([float(start + number * PERIOD), *(cell(key, random, hurt, slow, failing) for key in keys)])


def cell(
    key: tuple[str, str, str],
    random: np.random.Generator,
    hurt: bool,
    slow: dict[str, float],
    failing: dict[str, float],
) -> float:
    requests, latency = NODES[key[0]]
    match key[1:]:
        case ("requests", _):
            return float(random.poisson(requests))
        case ("availability", _):
            return 100.0 - (failing.get(key[0], 0.0) if hurt else 0.0)
        case (_, statistic):
            level = latency * (2.0 if statistic == "p90" else 1.0) + (slow.get(key[0], 0.0) if hurt else 0.0)
            return level * float(random.normal(1, 0.03))


def scenario(
    root: Path,
    *,
    metric: str,
    truth: str,
    slow: dict[str, float] | None = None,
    failing: dict[str, float] | None = None,
    name: str = "busy",
    baseline: bool = True,
) -> None:
    folder = root / name
    issue = folder / "train" / "issue_0"
    table(issue / "metrics.csv", start=BEGUN - PERIOD, rows=5, slow=slow or {}, failing=failing or {}, bad=range(1, 4))
    target = {
        "target": {"node": FRONT, "metric": metric, "agg": "Average", "timestamp": BEGUN - 20},
        "root_cause": {"node": truth, "metric": None},
    }
    (issue / "target.json").write_text(json.dumps(target))
    if baseline:
        table(folder / "noissue" / "metrics.csv", start=BEGUN + 10**7, rows=60, slow={}, failing={}, bad=range(0))
    with (folder / "graph.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["", *NODES])
        writer.writerows([caller, *(float(callee in CALLS.get(caller, ())) for callee in NODES)] for caller in NODES)


async def test_the_slow_service_behind_the_alerted_one_is_found(tmp_path: Path) -> None:
    scenario(tmp_path, metric="latency", truth=BACK, slow={BACK: 0.1, MIDDLE: 0.1, FRONT: 0.15})
    (case,) = DATASET.cases(tmp_path)
    assert (case.id, case.family) == ("busy/train/issue_0", "busy/latency")
    result = await run_case(case)
    assert result.ranked[0] == BACK
    assert result.metrics["Avg@5"] == result.metrics["AC@1 latency"] == 1.0
    assert result.notes == ()


async def test_the_service_that_fails_is_found_behind_the_one_that_passes_it_on(tmp_path: Path) -> None:
    scenario(tmp_path, metric="availability", truth=MIDDLE, failing={MIDDLE: 4.0, FRONT: 6.0})
    result = await run_case(DATASET.cases(tmp_path)[0])
    assert result.ranked[0] == MIDDLE
    assert result.correct


async def test_who_is_slow_without_callees_being_slow_is_to_blame(tmp_path: Path) -> None:
    scenario(tmp_path, metric="latency", truth=FRONT, slow={FRONT: 0.3})
    result = await run_case(DATASET.cases(tmp_path)[0])
    assert result.ranked[0] == FRONT


def test_the_alert_is_the_violated_objective_and_nothing_else_of_the_target(tmp_path: Path) -> None:
    scenario(tmp_path, metric="availability", truth=BACK)
    recording, ask = DATASET.cases(tmp_path)[0].load()
    (alert,) = ask.alerts
    assert alert.labels["alertname"] == "HighErrorRate"
    assert alert.starts_at.timestamp() == BEGUN + PERIOD, "when the first whole period after it is over"
    assert recording.now.timestamp() == BEGUN + 4 * PERIOD
    names = {one.labels["deployment"] for one in recording.series if "deployment" in one.labels}
    assert alert.labels["deployment"] in names
    assert len(names) == len(NODES), "names that Kubernetes refuses are rewritten, each to one of its own"
    calls = {(s.labels["client"], s.labels["server"]) for s in recording.series if "client" in s.labels}
    assert len(calls) == sum(map(len, CALLS.values()))


def test_a_scenario_without_a_baseline_borrows_that_of_its_neighbour(tmp_path: Path) -> None:
    scenario(tmp_path, metric="latency", truth=BACK, name="a", baseline=False)
    alone, _ = DATASET.cases(tmp_path)[0].load()
    scenario(tmp_path, metric="latency", truth=BACK, name="b")
    borrowed, _ = DATASET.cases(tmp_path)[0].load()
    assert len(borrowed.series[0].timestamps) > 5 * len(alone.series[0].timestamps)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("train/issue_0/metrics.csv", "microservice,a\nmetric,latency\n", "three rows of header"),
        ("train/issue_0/target.json", '{"target": {"node": "nobody", "timestamp": 1}}', "to be a microservice"),
        ("graph.csv", "a,b\nb,x\n", "a matrix of numbers"),
    ],
    ids=["no figures", "an unknown target", "a graph of words"],
)
def test_a_broken_file_is_named(tmp_path: Path, file: str, text: str, said: str) -> None:
    scenario(tmp_path, metric="latency", truth=BACK)
    (tmp_path / "busy" / file).write_text(text)
    with pytest.raises(DatasetError, match=said) as caught:
        DATASET.cases(tmp_path)[0].load()
    assert Path(file).name in str(caught.value)


def test_a_folder_without_cases_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"target\.json"):
        DATASET.cases(tmp_path)
