"""A runbook's file: what is read out of it, and where each mistake is reported."""

import pytest

from agents.runbooks.parser import parse
from agents.runbooks.prose import sections_of
from incidents.cause import Alternative, Expression, Scope

GOOD = """---
title: Memory limit below what the process needs
cause: memory_limit_too_low
alerts: [KubePodCrashLooping, KubeContainerOOMKilled]
scope: workload
facts:
  must: [container.oom_killed]
  likely:
    - change.memory_limit_lowered: 2
    - memory.at_limit | memory.used_before
  never: [node.memory_pressure]
actions:
  - rollback_workload
  - set_resources: {memory_limit: 1.3 x memory.at_limit.peak, container: web}
  - scale_workload: {replicas: 3}
success: [alert_resolved]
must_not_worsen: [latency_p99]
caution: "Leaks: look first."
owners: [platform]
---
# Heading
## Meaning
It is killed.
## Diagnosis
```sh
## not a heading
kubectl get pods
```
"""


def test_everything_the_front_matter_says_becomes_the_cause() -> None:
    runbook = parse(GOOD, path="runbooks/memory-limit-too-low.md").runbook
    cause = runbook.cause
    assert (cause.slug, cause.scope, cause.runbook) == (
        "memory_limit_too_low",
        Scope.WORKLOAD,
        "memory-limit-too-low.md",
    )
    assert cause.must == (Alternative(kinds=("container.oom_killed",)),)
    assert cause.likely == (
        Alternative(kinds=("change.memory_limit_lowered",), weight=2.0),
        Alternative(kinds=("memory.at_limit", "memory.used_before")),
    )
    assert [hint.kind for hint in cause.actions] == ["rollback_workload", "set_resources", "scale_workload"]
    assert cause.actions[1].arguments == {
        "memory_limit": Expression(factor=1.3, fact="memory.at_limit", attribute="peak"),
        "container": "web",
    }
    assert cause.actions[2].arguments == {"replicas": 3}
    assert (cause.caution, cause.owners) == ("Leaks: look first.", ("platform",))
    assert (runbook.slug, runbook.alerts) == ("memory-limit-too-low", ("KubePodCrashLooping", "KubeContainerOOMKilled"))


def test_the_prose_is_split_by_second_level_headings_and_shell_comments_are_none() -> None:
    runbook = parse(GOOD, path="x.md").runbook
    assert [section.heading for section in runbook.sections] == ["Meaning", "Diagnosis"]
    assert runbook.section("meaning") == "It is killed."
    assert "## not a heading" in runbook.section("Diagnosis")
    assert GOOD.splitlines()[runbook.sections[1].line - 1] == "## Diagnosis"


MINIMAL = "---\ntitle: T\ncause: t\nscope: workload\n{extra}---\n"


@pytest.mark.parametrize(
    ("text", "line", "field", "says"),
    [
        pytest.param("---\ntitle: [\n---\n", 2, "", "not YAML", id="front matter that is no YAML"),
        pytest.param(
            "---\ntitle: T\ncause: Memory Limit\nscope: workload\n---\n",
            3,
            "cause",
            "write memory_limit",
            id="a cause with blanks",
        ),
        pytest.param(
            "---\ntitle: T\ncause: t\nscope: worklod\n---\n", 4, "scope", "write workload", id="a misspelt scope"
        ),
        pytest.param("---\ntitle: T\ncause: t\n---\n", 2, "", "write scope: one of", id="no scope"),
        pytest.param("---\ncause: t\nscope: node\n---\n", 2, "", "write title:", id="no title"),
        pytest.param(MINIMAL.format(extra="alert: [A]\n"), 5, "alert", "write alerts", id="a misspelt field"),
        pytest.param(
            MINIMAL.format(extra="facts:\n  most: [a.b]\n"),
            6,
            "facts.most",
            "write must",
            id="a misspelt list of facts",
        ),
        pytest.param(
            MINIMAL.format(extra="facts:\n  must:\n    - oom\n"),
            7,
            "facts.must[0]",
            "domain.what_is_so",
            id="a fact without its domain",
        ),
        pytest.param(
            MINIMAL.format(extra="facts:\n  must:\n    - a.b: 0\n"),
            7,
            "facts.must[0].a.b",
            "above 0",
            id="a weight of nothing",
        ),
        pytest.param(
            MINIMAL.format(extra="facts:\n  must:\n    - {a.b: 1, c.d: 1}\n"),
            7,
            "facts.must[0]",
            "one fact with its weight",
            id="two facts in one line",
        ),
        pytest.param(MINIMAL.format(extra="facts: oom\n"), 5, "facts", "`name: value`", id="facts that are no mapping"),
        pytest.param(MINIMAL.format(extra="scope: node\n"), 5, "", "stands here twice", id="a field that comes twice"),
        pytest.param(
            MINIMAL.format(extra="actions:\n  - a: {x: 1}\n    b: {}\n"),
            6,
            "actions[0]",
            "one action",
            id="two actions in one line",
        ),
        pytest.param(
            MINIMAL.format(extra="owners: {a: b}\n"), 5, "owners", "expected a list", id="a mapping for a list"
        ),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_what_to_write(text: str, line: int, field: str, says: str) -> None:
    parsed = parse(text, path="x.md")
    assert parsed.runbook is None
    assert any(p.line == line and p.field == field and says in str(p) for p in parsed.problems), [
        str(p) for p in parsed.problems
    ]


@pytest.mark.parametrize(
    ("text", "path", "title", "alerts"),
    [
        pytest.param(
            "# KubePodCrashLooping\n\n## Meaning\nIt.\n",
            "kubernetes/KubePodCrashLooping.md",
            "KubePodCrashLooping",
            ("KubePodCrashLooping",),
            id="no front matter at all",
        ),
        pytest.param(
            "---\ntitle: Kube Pod Crash Looping\nweight: 20\n---\n# X\n",
            "KubePodCrashLooping.md",
            "Kube Pod Crash Looping",
            ("KubePodCrashLooping",),
            id="front matter of a site generator",
        ),
        pytest.param("Only words.\n", "notes-on-dns.md", "notes-on-dns", ("notes-on-dns",), id="no heading either"),
        pytest.param(
            "---\ntitle: T\nalerts: [A, B]\n---\n", "x.md", "T", ("A", "B"), id="alerts named but no cause taught"
        ),
        pytest.param("", "empty.md", "empty", ("empty",), id="an empty file"),
    ],
)
def test_a_plain_runbook_is_kept_and_argues_nothing(text: str, path: str, title: str, alerts: tuple[str, ...]) -> None:
    parsed = parse(text, path=path)
    assert parsed.problems == ()
    assert (parsed.runbook.title, parsed.runbook.alerts, parsed.runbook.cause) == (title, alerts, None)


def test_sections_before_the_first_heading_are_left_out() -> None:
    assert sections_of("words\n# Title\nmore\n## A\na\n### deeper\nb\n", offset=10)[0].model_dump() == {
        "heading": "A",
        "text": "a\n### deeper\nb",
        "line": 14,
    }
