"""Lint: everything a runbook names must exist, and a cause must be provable and distinct."""

from pathlib import Path

import pytest
from rich.console import Console

from agents.runbooks.commands import lint_command, list_command, match_command, new_command
from agents.runbooks.folders import RunbookFolders
from agents.runbooks.library import Library
from agents.runbooks.lint import Known, lint
from agents.runbooks.parser import parse
from agents.runbooks.problem import Severity
from agents.runbooks.words import actions_command, facts_command
from incidents.action import Reversibility
from incidents.fact import FactRole, FactSpec
from tools.action import ActionCard

KNOWN = Known.of(
    {
        spec.kind: spec
        for spec in (
            FactSpec(kind="container.oom_killed", role=FactRole.MECHANISM, meaning="Killed."),
            FactSpec(kind="memory.at_limit", role=FactRole.MECHANISM, meaning="Full.", attributes={"peak": "bytes"}),
            FactSpec(kind="errors.elevated", role=FactRole.SYMPTOM, meaning="Errors."),
        )
    },
    [
        ActionCard(
            kind="set_resources",
            title="Set resources",
            describe="Sets them.",
            targets=("deployment",),
            arguments={"memory_limit": "bytes"},
            reversibility=Reversibility.EXACT,
            undo_seconds=40,
        )
    ],
)
HEAD = "---\ntitle: T\ncause: t\nscope: workload\n"
PROSE = "".join(
    f"## {name}\n{'Words that help a person in the night. ' * 3}\n"
    for name in ("Meaning", "Impact", "Diagnosis", "Mitigation", "Prevention")
)


def problems(front: str, *, prose: str = PROSE) -> list[str]:
    parsed = parse(f"{HEAD}{front}---\n{prose}", path="t.md")
    assert parsed.problems == ()
    return [str(problem) for problem in lint(Library.of([parsed.runbook]), known=KNOWN)]


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        pytest.param("facts:\n  must: [container.oom_killed]\n", [], id="nothing wrong"),
        pytest.param(
            "facts:\n  must:\n    - container.oom_kiled\n",
            ["t.md:7: error: facts.must[0]: no detector emits container.oom_kiled: write container.oom_killed"],
            id="a misspelt fact",
        ),
        pytest.param(
            "facts:\n  must: [container.oom_killed]\nactions:\n  - set_resource\nsuccess: [alert_resolved]\n",
            ["t.md:8: error: actions[0]: there is no action set_resource: write set_resources"],
            id="a misspelt action",
        ),
        pytest.param(
            "facts:\n  must: [container.oom_killed]\nactions:\n  - set_resources: {memory_limits: 5}\nsuccess: [alert_resolved]\n",
            [
                "t.md:8: error: actions[0].set_resources.memory_limits: set_resources takes no memory_limits: write memory_limit"
            ],
            id="a misspelt argument",
        ),
        pytest.param(
            "facts:\n  must: [container.oom_killed]\nactions:\n  - set_resources: {memory_limit: 2 x memory.at_limit.peek}\nsuccess: [alert_resolved]\n",
            ["t.md:8: error: actions[0].set_resources.memory_limit: memory.at_limit has no attribute peek: write peak"],
            id="an attribute that the fact does not have",
        ),
        pytest.param(
            "facts:\n  must: [container.oom_killed]\nsuccess: [alert_solved]\n",
            ["t.md:7: error: success[0]: there is no measure alert_solved: write alert_resolved"],
            id="a misspelt measure",
        ),
        pytest.param(
            "facts:\n  must: [container.oom_killed]\nactions:\n  - set_resources\n",
            ["t.md:7: error: actions: nothing says when its actions have helped: write success: [alert_resolved]"],
            id="actions without success",
        ),
        pytest.param(
            "facts:\n  must: [errors.elevated]\n",
            [
                "t.md:6: error: facts.must: only symptoms must hold, and symptoms alone prove nothing: add a mechanism, a state or a change"
            ],
            id="symptoms alone",
        ),
        pytest.param(
            "facts:\n  likely: [container.oom_killed]\n",
            [
                (
                    "t.md:5: error: facts: a cause without facts that must hold can never be told from its symptoms: "
                    "write facts: must: with a mechanism, state or change"
                )
            ],
            id="nothing must hold",
        ),
    ],
)
def test_lint_says_where_and_what_to_write_instead(front: str, expected: list[str]) -> None:
    assert problems(front) == expected


def test_thin_prose_is_a_warning() -> None:
    found = problems("facts:\n  must: [container.oom_killed]\n", prose=PROSE.replace("## Impact", "## Other"))
    assert found == [
        "t.md:1: warning: section Impact is missing or says almost nothing: write ## Impact with what a person at 2:47 needs"
    ]


def test_two_causes_that_predict_the_same_cannot_be_told_apart() -> None:
    text = f"{HEAD}facts:\n  must: [container.oom_killed]\n---\n{PROSE}"
    one = parse(text, path="one.md").runbook
    two = parse(text.replace("cause: t", "cause: u"), path="two.md").runbook
    (problem,) = lint(Library.of([one, two]), known=KNOWN)
    assert "exactly what t predicts" in problem.message
    assert problem.path == "two.md"


def test_without_the_catalogue_actions_are_not_judged() -> None:
    runbook = parse(
        f"{HEAD}facts:\n  must: [container.oom_killed]\nactions: [whatever]\nsuccess: [alert_resolved]\n---\n{PROSE}",
        path="t.md",
    ).runbook
    assert lint(Library.of([runbook]), known=Known.of(KNOWN.facts)) == ()


def printed(renderable: object) -> str:
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    console.print(renderable)
    console.file.close()
    return console.export_text()


def test_the_commands_show_and_say_how_they_end(tmp_path: Path) -> None:
    made = new_command(tmp_path, title="Disk full: yes", alerts=["NodeDiskFull"])
    assert made.exit_code == 0
    assert new_command(tmp_path, title="Disk full: yes").exit_code == 1
    folders = RunbookFolders([tmp_path])
    library = folders.library()
    assert folders.problems == ()
    assert library.runbooks[0].title == "Disk full: yes"
    linted = lint_command(folders, known=KNOWN)
    assert linted.exit_code == 1
    assert "disk-full-yes.md:8: error: facts.must[0]: no detector emits container.exited_error" in printed(
        linted.body
    ).replace("\n", "")
    assert printed(linted.body).count("still holds the draft's own words") == 5, "a draft is no runbook yet"
    assert "1 runbook, 1 cause" in printed(list_command(library).body)
    assert match_command(library, alerts=["NodeDiskFull"]).exit_code == 0
    assert "midwatch runbooks new" in printed(match_command(library, alerts=["Other"]).body)


def test_warnings_fail_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "t.md").write_text(f"{HEAD}facts:\n  must: [container.oom_killed]\n---\n")
    folders = RunbookFolders([tmp_path])
    assert lint_command(folders, known=KNOWN).exit_code == 0
    assert lint_command(folders, known=KNOWN, warnings_fail=True).exit_code == 1
    assert {p.severity for p in lint(folders.library(), known=KNOWN)} == {Severity.WARNING}


@pytest.mark.parametrize("slug", ["../evil", "a/b", "Capital", "a b", ".."])
def test_a_draft_is_written_into_its_folder_and_nowhere_else(slug: str, tmp_path: Path) -> None:
    made = new_command(tmp_path / "mine", title="Anything", slug=slug)
    assert made.exit_code == 2
    assert "is no name for a file" in printed(made.body)
    assert list(tmp_path.rglob("*.md")) == []


def test_the_words_of_runbooks_can_be_looked_up() -> None:
    facts = facts_command(KNOWN, word="bytes")
    assert facts.exit_code == 0
    assert "memory.at_limit" in printed(facts.body)
    assert "container.oom_killed" not in printed(facts.body)
    assert "1 of 3 facts" in printed(facts.body)
    actions = printed(actions_command(KNOWN).body)
    assert "set_resources" in actions
    assert "memory_limit: bytes" in actions
    assert facts_command(KNOWN, word="volcano").exit_code == 1


@pytest.mark.parametrize("title", ["", "!!!", "磁盘"])
def test_a_title_without_a_letter_for_a_file_s_name_writes_no_hidden_file(title: str, tmp_path: Path) -> None:
    made = new_command(tmp_path / "mine", title=title)
    assert made.exit_code == 2
    assert "--slug" in str(made.body)
    assert not (tmp_path / "mine").exists()
    assert new_command(tmp_path / "mine", title=title, slug="disk-full").exit_code == 0
