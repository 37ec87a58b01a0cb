"""RCD's format, from small cases of our own: read whole, investigated end to end, judged on the service alone."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from evals.datasets.dataset import DatasetError
from evals.datasets.rcd import DATASET
from evals.harness.recorded import run_case

COLUMNS = (
    "alpha_cpu",
    "alpha_mem",
    "beta-db_cpu",
    "beta-db_mem",
    "gamma_cpu",
    "gamma_mem",
    "gamma_lod",
    "gamma_lat_99",
)
LEVELS = (2.0, 3e8, 40.0, 2e8, 0.5, 1e8, 12.0, 0.3)


def write(
    path: Path, *, start: float, rows: int, factors: Mapping[str, float], columns: Sequence[str] = COLUMNS
) -> None:
    random = np.random.default_rng(int(start) % 1000)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", *columns])
        for number in range(rows):
            levels = dict(zip(COLUMNS, LEVELS, strict=True))
            cells = [levels[name] * factors.get(name, 1.0) * (1 + random.normal(0, 0.03)) for name in columns]
            writer.writerow([start + number, *cells])


def case_in(root: Path, name: str, **factors: float) -> Path:
    """A case of which the columns change by these factors (dots of names written as `__`)."""
    changed = {key.replace("__", "-"): factor for key, factor in factors.items()}
    folder = root / name / "1"
    write(folder / "normal.csv", start=1_700_000_000, rows=200, factors={})
    write(folder / "anomalous.csv", start=1_700_900_000, rows=200, factors=changed)
    return folder


async def test_the_service_whose_cpu_is_taken_is_found(tmp_path: Path) -> None:
    case_in(tmp_path, "beta-db-cpu", beta__db_cpu=2.4, gamma_lat_99=1.4)
    (case,) = DATASET.cases(tmp_path)
    assert (case.id, case.family) == ("beta-db-cpu/1", "cpu")
    result = await run_case(case)
    assert result.expected == "beta-db"
    assert result.ranked[0] == "beta-db"
    assert result.correct
    assert result.metrics == {"AC@1": 1.0, "AC@3": 1.0, "AC@5": 1.0, "Avg@5": 1.0}
    assert result.verdict == "inconclusive", "a comparison says where to look, not what is wrong"


async def test_the_folders_name_is_for_the_judge_alone(tmp_path: Path) -> None:
    case_in(tmp_path, "alpha-mem", gamma_mem=6.0)
    (case,) = DATASET.cases(tmp_path)
    result = await run_case(case)
    assert result.expected == "alpha"
    assert result.ranked[0] == "gamma"
    assert not result.correct
    assert result.metrics["AC@1"] == 0.0


def test_the_two_files_are_put_behind_each_other(tmp_path: Path) -> None:
    case_in(tmp_path, "alpha-cpu", alpha_cpu=9.0)
    recording, ask = DATASET.cases(tmp_path)[0].load()
    begun = ask.alerts[0].starts_at.timestamp()
    assert begun == 1_700_900_000
    assert recording.now.timestamp() == 1_700_900_199
    memory = next(
        s for s in recording.series if s.labels.get("container") == "alpha" and "memory" in s.labels["__name__"]
    )
    times = np.asarray(memory.timestamps)
    assert np.allclose(np.diff(times), 1.0), "no hole between them"
    assert times[0] == begun - 200


def test_every_column_becomes_a_series_of_a_known_convention(tmp_path: Path) -> None:
    columns = ("alpha_cpu", "gamma_lod", "gamma_lat_99")
    folder = tmp_path / "alpha-cpu" / "1"
    write(folder / "normal.csv", start=100_000, rows=20, factors={}, columns=columns)
    write(folder / "anomalous.csv", start=900_000, rows=20, factors={}, columns=(*columns, "beta-db_mem"))
    recording, _ = DATASET.cases(tmp_path)[0].load()
    names = {(one.labels["__name__"], one.labels.get("container")) for one in recording.series}
    assert names >= {
        ("container_cpu_usage_seconds_total", "alpha"),
        ("request_duration_seconds_count", "gamma"),
        ("request_duration_seconds", "gamma"),
        ("container_memory_usage_bytes", "beta-db"),
    }
    late = next(one for one in recording.series if one.labels.get("container") == "beta-db")
    assert len(late.timestamps) == 20, "what only one file has is a gap in the other"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alpha_cpu\n1\n", "a column 'time'"),
        ("time,alpha_cpu\n1,x\n", "rows of numbers"),
        ("time,a_cpu\n1\n", "as many cells"),
    ],
    ids=["no time", "no number", "a short row"],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    folder = case_in(tmp_path, "alpha-cpu")
    (folder / "normal.csv").write_text(text)
    with pytest.raises(DatasetError, match=said) as caught:
        DATASET.cases(tmp_path)[0].load()
    assert "normal.csv" in str(caught.value)


def test_a_folder_without_cases_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"anomalous\.csv"):
        DATASET.cases(tmp_path)
