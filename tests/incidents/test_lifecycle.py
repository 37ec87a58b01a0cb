"""The lifecycle: every path ends, closed is closed, and alerts move it only where that is safe."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from incidents.incident import CLOSED, SETTLED, Phase
from incidents.lifecycle import TRANSITIONS, after_alerts, may_move, sources_of

PHASES = st.sampled_from(sorted(Phase))


def test_every_phase_has_its_row() -> None:
    assert set(TRANSITIONS) == set(Phase)


def test_closed_phases_lead_nowhere_and_all_others_lead_somewhere() -> None:
    assert {phase for phase, targets in TRANSITIONS.items() if not targets} == CLOSED


def test_from_every_phase_a_closed_one_can_be_reached() -> None:
    for start in Phase:
        reached, frontier = {start}, [start]
        while frontier:
            new = TRANSITIONS[frontier.pop()] - reached
            reached |= new
            frontier += new
        assert reached & CLOSED, f"{start} never ends"


def test_nothing_is_verified_that_was_not_executed() -> None:
    assert sources_of(Phase.VERIFIED) == {Phase.VERIFYING}
    assert sources_of(Phase.VERIFYING) == {Phase.EXECUTING}
    assert sources_of(Phase.EXECUTING) == {Phase.AWAITING_DECISION, Phase.INVESTIGATING}


@given(PHASES, PHASES)
def test_sources_and_targets_say_the_same(one: Phase, other: Phase) -> None:
    assert may_move(one, other) == (one in sources_of(other))


@given(PHASES, st.integers(0, 50), st.integers(0, 50))
def test_alerts_only_move_along_allowed_transitions(phase: Phase, firing: int, joined: int) -> None:
    effect = after_alerts(phase, firing=firing, joined=joined)
    assert effect.to is None or may_move(phase, effect.to)
    assert effect.because


@pytest.mark.parametrize(
    ("phase", "firing", "joined", "to"),
    [
        pytest.param(Phase.INVESTIGATING, 0, 0, Phase.RESOLVED, id="all resolved while it is investigated: resolved"),
        pytest.param(Phase.AWAITING_DECISION, 0, 0, Phase.RESOLVED, id="all resolved before a decision: resolved"),
        pytest.param(Phase.EXECUTING, 0, 0, None, id="alerts that resolve during a change do not end it"),
        pytest.param(Phase.VERIFYING, 0, 0, None, id="verification decides, not the alerts"),
        pytest.param(Phase.VERIFYING, 3, 1, None, id="new alerts do not stop a verification"),
        pytest.param(Phase.INCONCLUSIVE, 2, 1, Phase.INVESTIGATING, id="new alerts reopen what was inconclusive"),
        pytest.param(Phase.INCONCLUSIVE, 2, 0, None, id="without new alerts it stays inconclusive"),
        pytest.param(Phase.REJECTED, 1, 1, None, id="people own what was rejected"),
        pytest.param(Phase.UNDONE, 0, 0, Phase.RESOLVED, id="what was undone is over when its alerts are"),
        pytest.param(Phase.VERIFIED, 1, 1, None, id="closed stays closed"),
        pytest.param(Phase.OPEN, 1, 1, None, id="firing alerts change nothing by themselves"),
    ],
)
def test_what_alerts_do(phase: Phase, firing: int, joined: int, to: Phase | None) -> None:
    assert after_alerts(phase, firing=firing, joined=joined).to is to


class Life(RuleBasedStateMachine):
    """Any walk through the table."""

    def __init__(self) -> None:
        super().__init__()
        self.phase = Phase.OPEN
        self.walked = [Phase.OPEN]

    @precondition(lambda self: bool(TRANSITIONS[self.phase]))
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        self.phase = data.draw(st.sampled_from(sorted(TRANSITIONS[self.phase])))
        self.walked.append(self.phase)

    @rule(firing=st.integers(0, 3), joined=st.integers(0, 3))
    def hear_of_alerts(self, firing: int, joined: int) -> None:
        effect = after_alerts(self.phase, firing=firing, joined=joined)
        if effect.to is not None:
            self.phase = effect.to
            self.walked.append(effect.to)

    @invariant()
    def verified_follows_execution_and_verification(self) -> None:
        if self.phase is Phase.VERIFIED:
            assert self.walked[-3:-1] == [Phase.EXECUTING, Phase.VERIFYING]

    @invariant()
    def what_was_closed_ended_there(self) -> None:
        assert not set(self.walked[:-1]) & CLOSED
        assert self.phase in SETTLED or TRANSITIONS[self.phase]


TestLife = Life.TestCase
