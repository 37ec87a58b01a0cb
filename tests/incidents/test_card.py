"""The card says everything that the digest covers and that a person needs to decide."""

from __future__ import annotations

from incidents.card import card_of
from incidents.verification import CheckRole
from tests.incidents.making import proposal


def test_the_card_says_what_is_decided_about() -> None:
    made = proposal()
    card = card_of(made)
    said = "\n".join(f"{line.label}: {line.text}" for line in card.lines)
    for action in made.body.actions:
        assert action.request.target in said
        assert action.undo in said
        assert action.blast_radius.summary in said
        for change in action.preview.diff:
            assert f"{change.path}: {change.before} -> {change.after}" in said
    for check in made.body.checks:
        label = "Counts as fixed" if check.role is CheckRole.SUCCESS else "Must not worsen"
        assert any(line.label == label and check.text in line.text for line in card.lines)
    assert made.body.policy.reason in said
    assert card.proposal == made.digest


def test_another_proposal_has_another_card_and_the_same_has_the_same() -> None:
    made = proposal()
    assert card_of(made).digest == card_of(made).digest
    other = made.model_copy(update={"body": made.body.model_copy(update={"confidence": 0.5})})
    assert card_of(other).digest != card_of(made).digest
