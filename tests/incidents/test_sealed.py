"""A sealed proposal keeps its digest: what an earlier version wrote is read by this one, to the byte."""

from pathlib import Path

from incidents.proposal import Proposal

KEPT = Path(__file__).with_name("sealed.json")
"""Sealed before actions had bounds, alternatives a rehearsal of their own, and predictions ranges. Never made anew."""


def test_what_an_earlier_version_sealed_is_intact() -> None:
    sealed = Proposal.model_validate_json(KEPT.read_text(encoding="utf-8"))
    assert sealed.body.rehearsal is not None
    assert sealed.body.alternatives
    assert sealed.intact


def test_what_was_changed_in_it_is_noticed() -> None:
    sealed = Proposal.model_validate_json(KEPT.read_text(encoding="utf-8"))
    changed = sealed.body.model_copy(update={"watch_seconds": sealed.body.watch_seconds + 1})
    assert not sealed.model_copy(update={"body": changed}).intact
