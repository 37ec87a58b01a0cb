"""How things are said in every sentence."""

from __future__ import annotations

import pytest

from agents.wording import ASKED, looked_at
from tools.probe import probes


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("kubernetes.config_refs", "the configuration that pods refer to"),
        ("kubernetes.network_policies", "network policies in Kubernetes"),
        ("github.workflow_runs", "workflow runs in GitHub"),
        ("everything cicd looks at", "everything cicd looks at"),
        ("traces of payments", "traces of payments"),
    ],
)
def test_what_could_not_be_seen_is_said_in_words(what: str, words: str) -> None:
    assert looked_at(what) == words


def test_words_are_kept_for_probes_that_there_are() -> None:
    assert set(ASKED) <= set(probes())
    assert not [name for name in probes() if "_" in looked_at(name) or "." in looked_at(name)]
