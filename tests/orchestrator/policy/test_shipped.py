"""The policy that is shipped does what its cases say, names what exists, and the commands tell so."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.policy.cases import CaseResult, read_cases, run_cases
from orchestrator.policy.load import SHIPPED, InvalidPolicyError, load_policy
from service.doctor.governance import unknown_actions
from service.policy.explaining import Asked, explain_command
from service.policy.testing import lint_command
from service.policy.testing import test_command as cases_command
from tests.orchestrator.policy.asking import ASK_ALL

RESULTS = run_cases(load_policy(), read_cases(SHIPPED / "cases.yaml"))


@pytest.mark.parametrize("result", [pytest.param(result, id=result.name) for result in RESULTS])
def test_its_cases(result: CaseResult) -> None:
    assert result.differences == (), result.verdict.reason


def test_it_names_actions_that_exist() -> None:
    assert unknown_actions(load_policy()) == []


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(ASK_ALL)
    case = "{name: c, actions: [{action: delete_pod, target: a/b/pod/c}], expect: {effect: %s, reason: touches}}"
    (tmp_path / "cases.yaml").write_text(f"now: 2026-11-17T02:47:00Z\ncases:\n  - {case % 'ask'}\n")
    return tmp_path


def test_cases_that_hold_and_cases_that_do_not(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cases_command(own) == 0
    assert "1 of 1 cases as expected" in capsys.readouterr().out
    text = (own / "cases.yaml").read_text()
    (own / "cases.yaml").write_text(text.replace("effect: ask", "effect: deny").replace("touches", "nonsense"))
    assert cases_command(own) == 1
    out = capsys.readouterr().out
    assert "WRONG c: effect is ask, not deny; the reason does not say 'nonsense'" in out


def test_cases_that_cannot_be_read_are_named_by_line(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own / "cases.yaml").write_text("now: 2026-11-17T02:47:00Z\ncases:\n  - name: c\n    actions: []\n    expect: {}\n")
    assert cases_command(own) == 2
    assert "cases.yaml:4: cases.0.actions" in capsys.readouterr().err


def test_lint_names_what_does_not_exist(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint_command(own) == 0
    (own / "policy.yaml").write_text("rules: [{name: a, actions: [reboot_world], effect: ask}]")
    assert lint_command(own) == 1
    assert "no such action: reboot_world" in capsys.readouterr().err


def test_lint_of_what_is_not_there_was_not_tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint_command(tmp_path / "nowhere") == 2
    assert "there is no such file or folder" in capsys.readouterr().err


def test_explaining_says_which_row_and_why_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    asked = Asked(action="rollback_workload", target="prod-eu/shop/deployment/checkout", pods=60)
    assert explain_command(asked) == 0
    out = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "ASK prod rollback workload: 2 of on-call or its owners" in out
    assert "this row decides" in out
    assert "namespace shop is not" in out
    assert "+1 (rego): large workload changes" in out
    assert "needed: 2 of on-call or its owners" in out


def test_explaining_a_denial_says_what_comes_closest(capsys: pytest.CaptureFixture[str]) -> None:
    assert explain_command(Asked(action="delete_pod", target="prod-eu/shop/pod/x", pods=51)) == 0
    out = capsys.readouterr().out
    assert "`deleted pods` comes closest, but it touches 51 pods, more than 50" in out


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param(Asked(), "Say what to explain", id="nothing"),
        pytest.param(Asked(action="x", target="checkout"), "Say what to explain", id="no target"),
        pytest.param(Asked(action="x", target="a/b/c/d", at="noon"), "--at", id="no time"),
        pytest.param(Asked(action="x", target="a/b/c/d", at="2026-12-24T03:00:00"), "time zone", id="no time zone"),
        pytest.param(Asked(action="x", target="a/b/c/d", undo="maybe"), "maybe", id="another way to undo"),
    ],
)
def test_what_cannot_be_explained(asked: Asked, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain_command(asked) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("rules:\n  - name: a\n    effect: maybe\n", r"policy.yaml:3: rule 1: effect", id="another effect"),
        pytest.param("rules: []\nlimit: []\n", r"policy.yaml:2: limit: nothing else stands", id="a misspelt table"),
        pytest.param("rules:\n  - name: a\n    effect: ask\n    effect: deny\n", r"policy.yaml:4: effect: the key is there twice", id="a key twice"),
        pytest.param("rules:\n  - {name: a, effect: deny}\n  - {name: a, effect: ask}\n", r"policy.yaml:3: rules: the name 'a' is there twice", id="a name twice"),
        pytest.param("rules:\n  - {name: a, effect: ask, windows: [nights]}\n", r"policy.yaml:2: the calendar has no window 'nights' \(it is empty\)", id="no such window"),
        pytest.param("rules: []\nfreezes:\n  - {name: f, during: [x]}\n", r"policy.yaml:3: the calendar has no window 'x'", id="a freeze without its window"),
        pytest.param("rules: []\ncalendar:\n  - name: w\n    weekly: [{start: friday, end: mon 08:00}]\n", r"policy.yaml:4: calendar 1: weekly.0.start: write a day", id="a day in full"),
        pytest.param("rules: []\nlimits:\n  - {name: l, per: day, most_actions: 1}\n", r"policy.yaml:3: limits 1: per", id="a period that nobody counts"),
        pytest.param("rules:\n  - {name: a, effect: deny, max_pods: 5}\n", "would let the larger change pass", id="denying only the small"),
        pytest.param("rules:\n  - {name: a, effect: allow, actions: [x], clusters: [y], until: 2026-12-31T00:00:00Z}\n", "signed_by", id="a pre-approval that nobody signed"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_file_line_and_field(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises(InvalidPolicyError, match=said):
        load_policy(tmp_path)
