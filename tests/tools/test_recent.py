"""What was read a moment ago is given again to those who look around together, and only then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tools.clock import ManualClock
from tools.errors import TransientError
from tools.recent import KEPT, Kept

NOW = datetime(2026, 3, 1, 2, 47, tzinfo=UTC)


class Server:
    """Counts how often it is asked; it may be down."""

    def __init__(self) -> None:
        self.asked, self.down = 0, False

    async def __call__(self) -> int:
        self.asked += 1
        if self.down:
            raise TransientError("not now")
        return self.asked


def made() -> tuple[Kept[int], ManualClock, Server]:
    clock = ManualClock(NOW)
    return Kept(clock, fits=lambda answer: answer < 100), clock, Server()


async def test_the_same_question_within_the_moment_is_answered_again() -> None:
    kept, clock, server = made()
    assert await kept.ask("pods", server) == 1
    await clock.advance(KEPT.total_seconds())
    assert await kept.ask("pods", server) == 1
    assert await kept.ask("nodes", server) == 2, "another question is put"


@pytest.mark.parametrize("passed", [KEPT + timedelta(milliseconds=1), -KEPT - timedelta(seconds=1)])
async def test_an_older_answer_is_asked_for_anew_whichever_way_the_clock_went(passed: timedelta) -> None:
    kept, clock, server = made()
    await kept.ask("pods", server)
    await clock.advance(passed.total_seconds())
    assert await kept.ask("pods", server) == 2


async def test_an_error_is_not_kept() -> None:
    kept, _, server = made()
    server.down = True
    with pytest.raises(TransientError):
        await kept.ask("pods", server)
    server.down = False
    assert await kept.ask("pods", server) == 2


async def test_what_is_too_large_is_not_kept() -> None:
    kept, _, server = made()
    server.asked = 100
    assert await kept.ask("pods", server) == 101
    assert await kept.ask("pods", server) == 102
