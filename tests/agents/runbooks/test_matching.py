"""Which runbook belongs to an alert: by name, by link, by facts, best first."""

from datetime import UTC, datetime

import pytest

from agents.runbooks.library import Library
from agents.runbooks.matching import MatchedBy, last_segment, match, match_names
from agents.runbooks.parser import parse
from incidents.alert import Alert, AlertStatus

LIBRARY = Library.of(
    parse(text, path=path).runbook
    for path, text in {
        "memory-limit-too-low.md": "---\ntitle: Limit\ncause: low\nalerts: [KubePodCrashLooping]\nscope: workload\nfacts:\n  must: [container.oom_killed]\n---\n",
        "leak.md": "---\ntitle: Leak\ncause: leak\nscope: workload\nfacts:\n  must: [container.oom_killed, memory.growing]\n---\n",
        "kubernetes/KubePodCrashLooping.md": "# KubePodCrashLooping\n",
    }.items()
)


def found(**asked: object) -> list[tuple[str, tuple[MatchedBy, ...]]]:
    return [(m.runbook.slug, m.by) for m in match_names(LIBRARY, **asked)]


def test_by_alert_name() -> None:
    assert found(names=["KubePodCrashLooping"]) == [
        ("KubePodCrashLooping", (MatchedBy.ALERT,)),
        ("memory-limit-too-low", (MatchedBy.ALERT,)),
    ]


def test_facts_outweigh_a_name_and_some_facts_come_last() -> None:
    assert found(names=["KubePodCrashLooping"], facts=["container.oom_killed"]) == [
        ("memory-limit-too-low", (MatchedBy.FACTS, MatchedBy.ALERT)),
        ("KubePodCrashLooping", (MatchedBy.ALERT,)),
        ("leak", (MatchedBy.SOME_FACTS,)),
    ]


def test_nothing_belongs_to_an_unknown_alert() -> None:
    assert found(names=["Unheard"], urls=["https://example.org/"]) == []


@pytest.mark.parametrize(
    ("url", "segment"),
    [
        pytest.param(
            "https://runbooks.prometheus-operator.dev/runbooks/kubernetes/kubepodcrashlooping",
            "kubepodcrashlooping",
            id="prometheus-operator",
        ),
        pytest.param(
            "https://github.com/x/y/tree/master/runbook.md#alert-name-kubepodcrashlooping",
            "kubepodcrashlooping",
            id="the old mixin page",
        ),
        pytest.param("https://wiki/ops/memory-limit-too-low.md", "memory-limit-too-low", id="a markdown file"),
        pytest.param("https://wiki/ops/x/?v=1#how", "x", id="query and fragment of a page of its own"),
        pytest.param("not a link", "not a link", id="no link at all"),
    ],
)
def test_the_last_segment_of_a_link_names_the_runbook(url: str, segment: str) -> None:
    assert last_segment(url) == segment


def test_an_alert_brings_its_name_and_its_link() -> None:
    alert = Alert(
        fingerprint="f",
        status=AlertStatus.FIRING,
        labels={"alertname": "Custom"},
        annotations={"runbook_url": "https://wiki/Kube-Pod_CrashLooping"},
        starts_at=datetime(2026, 11, 17, tzinfo=UTC),
    )
    assert [m.runbook.slug for m in match(LIBRARY, alerts=[alert])] == ["KubePodCrashLooping", "memory-limit-too-low"]
