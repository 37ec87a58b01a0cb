"""Running: which cases are chosen, and what is kept of a run that somebody stops."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from evals.commands.app import with_seed
from evals.commands.run import NothingChosenError, Options, choose, play, run_command
from evals.harness import episode
from evals.harness.episode import EpisodeJob
from evals.harness.recorded import RecordedJob
from evals.harness.result import CaseResult
from tests.evals.test_workers import alive, wait_until

ROOT = Path(__file__).parents[2]
JOBS = [RecordedJob(dataset="x", path="/x", case=f"c{n}", family=f"f{n % 3}") for n in range(9)]


def done(job: RecordedJob) -> CaseResult:
    if job.case == "c3":
        raise KeyboardInterrupt
    return CaseResult(case=job.case, family=job.family, expected="x", correct=True, seconds=1.0)


def lost(job: RecordedJob, why: str) -> CaseResult:
    return CaseResult(case=job.case, family=job.family, expected="x", seconds=1.0, error=why)


def test_a_run_that_is_stopped_keeps_what_was_run() -> None:
    said = io.StringIO()
    results = play(done, JOBS, lost=lost, workers=1, console=Console(file=said, width=120))
    assert [result.case for result in results] == ["c0", "c1", "c2"]
    assert "[3/9] right c2" in said.getvalue()
    assert "about 3 of 9 cases" in said.getvalue()


def test_of_a_run_that_is_stopped_nothing_is_compared_or_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[EpisodeJob] = []

    def some(job: EpisodeJob) -> CaseResult:
        asked.append(job)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return CaseResult(case=job.case, family=job.family, expected="x", correct=True, seconds=1.0)

    monkeypatch.setattr(episode, "work", some)
    written, kept, known = tmp_path / "run.json", tmp_path / "kept.json", tmp_path / "none.json"
    options = Options(families=("nodes",), json_file=written, baseline=known, write_baseline=kept)
    assert run_command(options) == 130
    assert not kept.exists()
    run = json.loads(written.read_text())
    assert (run["complete"], run["cases"]) == (False, 2)
    said = " ".join(capsys.readouterr().out.split())
    assert f"not compared with {known}: the run was stopped" in said
    assert f"not kept as {kept}: the run was stopped" in said


def test_sigterm_stops_a_run_and_all_its_processes(tmp_path: Path) -> None:
    written = tmp_path / "run.json"
    command = [sys.executable, "-m", "service", "eval", "run", "-j", "2", "--json", str(written)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True) as run:
        assert run.stdout is not None
        first = run.stdout.readline()
        assert first.startswith("[1/"), first
        below = psutil.Process(run.pid).children(recursive=True)
        run.terminate()
        rest = run.stdout.read()
        assert run.wait(60) == 130
    assert "interrupted: what follows is about" in rest
    assert not json.loads(written.read_text())["complete"]
    assert below
    wait_until(lambda: not any(alive(one.pid) for one in below))


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        pytest.param(Options(), [job.case for job in JOBS], id="all when nothing is asked for"),
        pytest.param(Options(families=("f1",)), ["c1", "c4", "c7"], id="a family"),
        pytest.param(Options(cases=("c2", "c5")), ["c2", "c5"], id="some cases"),
        pytest.param(Options(limit=3), ["c0", "c3", "c6"], id="a limit takes from the whole list"),
        pytest.param(Options(limit=99), [job.case for job in JOBS], id="a limit that is larger than the list"),
    ],
)
def test_cases_are_chosen(options: Options, chosen: list[str]) -> None:
    assert [job.case for job in choose(JOBS, options)] == chosen


def test_a_choice_of_nothing_names_the_families() -> None:
    with pytest.raises(NothingChosenError, match="f0, f1, f2"):
        choose(JOBS, Options(cases=("none",)))


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        pytest.param(["run", "--renamed"], ["run", "--renamed", "1"], id="without a seed, at the end"),
        pytest.param(
            ["run", "--renamed", "-j", "2"], ["run", "--renamed", "1", "-j", "2"], id="without, in the middle"
        ),
        pytest.param(["run", "--renamed", "7"], ["run", "--renamed", "7"], id="with a seed"),
    ],
)
def test_a_seed_may_be_left_out(given: list[str], taken: list[str]) -> None:
    assert with_seed(given) == taken
