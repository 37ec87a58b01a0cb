"""Probes that ask the same at the same time share one answer, also when the one who asked first gives up."""

from __future__ import annotations

import asyncio

import pytest

from tools.errors import TransientError
from tools.shared import Shared


class Slow:
    """A question that is answered when it is told to, and counts how often it was put."""

    def __init__(self) -> None:
        self.put = 0
        self.go = asyncio.Event()

    async def __call__(self) -> str:
        self.put += 1
        await self.go.wait()
        return f"answer {self.put}"


async def started(number: int, shared: Shared[str], slow: Slow, group: asyncio.TaskGroup) -> list[asyncio.Task[str]]:
    tasks = [group.create_task(shared.ask("pods", slow)) for _ in range(number)]
    await asyncio.sleep(0)
    return tasks


async def test_one_question_answers_all() -> None:
    shared, slow = Shared[str](), Slow()
    async with asyncio.TaskGroup() as group:
        tasks = await started(3, shared, slow, group)
        slow.go.set()
    assert [task.result() for task in tasks] == ["answer 1"] * 3
    assert await shared.ask("pods", slow) == "answer 2", "nothing is kept"


async def test_other_questions_are_put() -> None:
    shared, slow = Shared[str](), Slow()
    slow.go.set()
    assert await shared.ask("pods", slow) == "answer 1"
    assert await shared.ask("nodes", slow) == "answer 2"


async def test_an_error_is_that_of_all() -> None:
    shared: Shared[str] = Shared()

    async def fail() -> str:
        await asyncio.sleep(0)
        raise TransientError("not now")

    asked = [shared.ask("pods", fail) for _ in range(2)]
    for answer in await asyncio.wait_for(_both(asked), 30):
        assert isinstance(answer, TransientError)


async def _both(asked: list[object]) -> list[object]:
    return await asyncio.gather(*asked, return_exceptions=True)  # type: ignore[call-overload,no-any-return]


async def test_the_others_ask_again_when_the_first_gives_up() -> None:
    shared, slow = Shared[str](), Slow()
    first = asyncio.ensure_future(shared.ask("pods", slow))
    await asyncio.sleep(0)
    second = asyncio.ensure_future(shared.ask("pods", slow))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    slow.go.set()
    assert await second == "answer 2"
