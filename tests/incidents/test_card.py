"""The card says everything that the digest covers and that a person needs to decide."""

from __future__ import annotations

from incidents.card import card_of
from incidents.ids import PersonId
from incidents.narrowed import Difference, Narrowing
from incidents.proposal import Proposal
from incidents.verification import CheckRole
from tests.incidents.making import NOW, proposal
from tests.incidents.narrowings import body, scale


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


def test_the_card_says_what_may_be_narrowed_and_what_was() -> None:
    difference = Difference(step=1, what="replicas of checkout", before="12", after="8")
    of, by = proposal().digest, PersonId("dana@example.com")
    change = Narrowing(of=of, by=by, name="Dana", at=NOW, differences=(difference,))
    card = card_of(Proposal.of(body(scale(4, 8), narrowings=(change,))))
    said = [f"{line.label}: {line.text}" for line in card.lines]
    assert "May be narrowed: replicas: 5 to 8 (4 now)" in said
    assert "Narrowed: narrowed by Dana: replicas of checkout 12 -> 8" in said


def test_another_proposal_has_another_card_and_the_same_has_the_same() -> None:
    made = proposal()
    assert card_of(made).digest == card_of(made).digest
    other = made.model_copy(update={"body": made.body.model_copy(update={"confidence": 0.5})})
    assert card_of(other).digest != card_of(made).digest
