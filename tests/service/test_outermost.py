"""What a person at a terminal reads when a command fails: a sentence and an exit code, never a stack trace."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from orchestrator.policy.load import InvalidPolicyError
from orchestrator.postgres import EmbeddedServerError
from orchestrator.settings import InvalidSettingsError
from service.listening import PortTakenError
from service.outermost import DEFECT, DONE, INTERRUPTED, UNUSABLE, ended
from tools.errors import ForbiddenError
from worlds.scenario.load import ScenarioError


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "said"),
    [
        pytest.param(InvalidSettingsError("listen.port: write a number"), "listen.port", id="settings"),
        pytest.param(InvalidPolicyError("policy.yaml:3: effect"), "policy.yaml:3", id="a policy"),
        pytest.param(PortTakenError("cannot listen on :8484"), ":8484", id="a port that is taken"),
        pytest.param(EmbeddedServerError("does not start in /x"), "/x", id="a database that does not start"),
        pytest.param(
            psycopg.OperationalError("refused\nmore"), "database cannot be reached", id="a database that is down"
        ),
        pytest.param(ScenarioError("a.yaml:3: faults: is missing"), "a.yaml:3", id="a scenario"),
        pytest.param(ForbiddenError("Kubernetes answers 403"), "403", id="a system that refuses"),
        pytest.param(FileNotFoundError(2, "No such file", "a.json"), "a.json: no such file", id="a file not there"),
        pytest.param(
            ExceptionGroup("tasks", [ExceptionGroup("inner", [PortTakenError("cannot listen")])]),
            "cannot listen",
            id="whatever groups it comes in",
        ),
    ],
)
def test_what_people_can_put_right_is_a_sentence(
    error: Exception, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(raising(error)) == UNUSABLE
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert "defect" not in told


def test_what_is_our_fault_says_so_and_where(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(raising(KeyError("lost"))) == DEFECT
    told = capsys.readouterr().err
    assert "defect of Midwatch" in told
    assert "test_outermost.py:" in told
    assert "Traceback" not in told


def test_one_defect_among_refusals_is_not_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(raising(ExceptionGroup("two", [PortTakenError("taken"), KeyError("lost")]))) == DEFECT
    assert "KeyError" in capsys.readouterr().err


def test_the_stack_is_there_for_who_asks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDWATCH_LOG_LEVEL", "debug")
    assert ended(raising(KeyError("lost"))) == DEFECT
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_is_no_defect() -> None:
    assert ended(raising(KeyboardInterrupt())) == INTERRUPTED


def test_a_command_that_has_spoken_keeps_its_exit_code() -> None:
    with pytest.raises(SystemExit) as told:
        ended(raising(SystemExit(3)))
    assert told.value.code == 3
    assert ended(lambda: None) == DONE


@pytest.mark.parametrize(
    ("words", "variables", "said", "code"),
    [
        pytest.param(("--version",), {}, "midwatch", DONE, id="the version"),
        pytest.param(("pause", "--reason", " "), {}, "Say why", UNUSABLE, id="a pause that nobody could understand"),
        pytest.param(
            ("incidents", "list"), {"MIDWATCH_DATABASE_URL": "postgresql://a@127.0.0.1:1/d"}, "cannot be reached",
            UNUSABLE, id="a database that is not there",
        ),
    ],
)  # fmt: skip
def test_the_real_command_line_says_it(
    words: tuple[str, ...], variables: dict[str, str], said: str, code: int, tmp_path: Path
) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MIDWATCH_")}
    done = subprocess.run(
        [sys.executable, "-m", "service", *words],
        env={**clean, "PYTHONPATH": str(Path(__file__).parents[2]), **variables},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(["--rate", "0"], "--rate", id="a clock that stands still"),
        pytest.param(["--port", "99999"], "--port", id="a port that is none"),
        pytest.param(
            ["--json", "/dev/null/out.json"], "/dev/null", id="a file that cannot be written, before it is played"
        ),
    ],
)
def test_a_demo_that_cannot_be_tried_is_no_defect(options: list[str], said: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "service", "demo", "--headless", *options]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    told = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (told.returncode, "defect" in told.stderr) == (UNUSABLE, False), told.stderr
    assert said in told.stderr
