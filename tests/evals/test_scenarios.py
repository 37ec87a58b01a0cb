"""The library as files: every scenario can be read, a new one starts from a file that loads, mistakes name their line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from evals.harness.scenarios import LIBRARY, jobs, problems
from service.cli import app
from worlds.scenario.load import load_scenario

LIBRARY_JOBS = jobs()
MOST_OF_ONE_ESTATE = 0.8


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["eval", *arguments])
    return result.exit_code, result.output


def test_the_library_is_large_and_uses_several_estates() -> None:
    assert len(LIBRARY_JOBS) >= 80
    assert len({job.family for job in LIBRARY_JOBS}) >= 20
    clusters = [load_scenario(job.path).estate.cluster for job in LIBRARY_JOBS]
    assert max(clusters.count(name) for name in set(clusters)) <= MOST_OF_ONE_ESTATE * len(clusters)


@pytest.mark.parametrize("path", [job.path for job in LIBRARY_JOBS], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_scenario_can_be_read_and_names_causes_and_actions_that_exist(path: Path) -> None:
    assert problems(path) == []


def test_a_cause_that_no_runbook_teaches_is_told(tmp_path: Path) -> None:
    run("new", "mine", "wrong", "--folder", str(tmp_path))
    path = tmp_path / "mine" / "wrong.yaml"
    path.write_text(path.read_text().replace("cause: memory_limit_too_low", "cause: memory_limit_too_lw"))
    [said] = problems(path)
    assert "truth.cause: 'memory_limit_too_lw' is no cause of a runbook; memory_limit_too_low?" in said
    assert path.read_text().splitlines()[int(said.split(":")[1]) - 1].strip().startswith("cause:")


def test_an_action_that_both_heals_and_harms_is_told(tmp_path: Path) -> None:
    run("new", "mine", "wrong", "--folder", str(tmp_path))
    path = tmp_path / "mine" / "wrong.yaml"
    path.write_text(path.read_text().replace("must_not: [restart_workload", "must_not: [rollback_workload"))
    assert ["'rollback_workload' stands under actions too" in said for said in problems(path)] == [True]


def test_a_new_scenario_loads_and_is_not_overwritten(tmp_path: Path) -> None:
    code, said = run("new", "my-family", "lower-limit", "--folder", str(tmp_path))
    path = tmp_path / "my-family" / "lower-limit.yaml"
    assert code == 0, said
    assert problems(path) == []
    assert load_scenario(path).family == "my-family"
    path.write_text("mine")
    assert run("new", "my-family", "lower-limit", "--folder", str(tmp_path))[0] == 2
    assert path.read_text() == "mine"


def test_a_mistake_is_told_with_file_line_and_field(tmp_path: Path) -> None:
    run("new", "mine", "wrong", "--folder", str(tmp_path))
    path = tmp_path / "mine" / "wrong.yaml"
    path.write_text(path.read_text().replace("workload: shop/checkout", "workload: shop/chekout"))
    code, said = run("check", str(tmp_path))
    assert code == 1
    assert f"{path}:" in said.replace("\n", "")
    assert "chekout" in said


@pytest.mark.parametrize(
    ("name", "many"),
    [
        pytest.param("nodes", True, id="a family by its name"),
        pytest.param(str(LIBRARY / "nodes"), True, id="a folder"),
        pytest.param("nodes/general-node-lost", False, id="a case by its name"),
        pytest.param(str(LIBRARY / "nodes" / "general-node-lost.yaml"), False, id="a file"),
    ],
)
def test_scenarios_are_meant_by(name: str, many: bool) -> None:
    found = jobs([name])
    assert "nodes/general-node-lost" in [job.case for job in found]
    assert (len(found) > 1) is many


def test_what_is_not_there_names_what_is() -> None:
    code, said = run("no-such-family")
    assert code == 2
    assert "families:" in said
    assert "healthy" in said
