"""Kinds of facts in sentences: as people say them, and only kinds that exist."""

from __future__ import annotations

from agents.diagnostician.kinds import SPOKEN
from agents.diagnostician.wording import in_words
from agents.runbooks.folders import RunbookFolders
from incidents.cause import Alternative
from incidents.ids import FactKind


def test_a_change_that_a_runbook_looks_for_is_said_as_a_person_would() -> None:
    flag = FactKind("change.flag")
    assert in_words(Alternative(kinds=(flag,))) == "a switched feature flag"


def test_every_kind_that_must_be_seen_is_said_without_the_bare_word_change() -> None:
    causes = RunbookFolders().library().causes
    needed = {kind for cause in causes for line in cause.must for kind in line.kinds}
    assert len(needed) > 40
    bare = sorted(k for k in needed if k.startswith(("change.", "container.", "log.")) and k not in SPOKEN)
    assert bare == []
