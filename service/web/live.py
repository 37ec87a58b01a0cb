"""Tells open pages that something changed: one listener on the database per process, any number of event streams.

A stream says only that something changed; the page then asks for itself. What is lost costs one poll, never a line.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import NewType

from incidents.ids import IncidentId
from orchestrator.store.database import Store
from orchestrator.store.following import follow_for_ever

SETTLE_SECONDS = 0.15
"""Lines that come together are told together."""
KEEP_ALIVE_SECONDS = 15.0

Topic = NewType("Topic", str)
"""An incident's id, or EVERYTHING."""
EVERYTHING = Topic("*")


def topic_of(incident: IncidentId) -> Topic:
    """The topic of one incident."""
    return Topic(incident)


@dataclass(kw_only=True)
class _Stream:
    """One open stream: what changed since it was told last."""

    changed: asyncio.Event = field(default_factory=asyncio.Event)
    topics: set[Topic] = field(default_factory=set)


class Hub:
    """Hands changes on to those who wait for them."""

    def __init__(self, store: Store) -> None:
        """The store whose timeline is followed while `run` runs."""
        self._store = store
        self._waiting: dict[Topic, list[_Stream]] = {}

    async def run(self) -> None:
        """Follow until cancelled."""
        async for note in follow_for_ever(self._store):
            if note is None:
                self._tell(*self._waiting)
            else:
                self._tell(topic_of(note[0]), EVERYTHING)

    async def changes(self, *topics: Topic, stopping: asyncio.Event) -> AsyncIterator[frozenset[Topic]]:
        """Which of the topics changed; none of them after nothing did for a while. Ends when the process stops."""
        stream = _Stream()
        for topic in topics:
            self._waiting.setdefault(topic, []).append(stream)
        try:
            while not stopping.is_set():
                if not await _either(stream.changed, stopping, seconds=KEEP_ALIVE_SECONDS):
                    yield frozenset()
                elif stream.changed.is_set():
                    await asyncio.sleep(SETTLE_SECONDS)
                    told, stream.topics = frozenset(stream.topics), set()
                    stream.changed.clear()
                    yield told
        finally:
            for topic in topics:
                self._waiting[topic].remove(stream)

    def _tell(self, *topics: Topic) -> None:
        for topic in topics:
            for stream in self._waiting.get(topic, ()):
                stream.topics.add(topic)
                stream.changed.set()


async def _either(*events: asyncio.Event, seconds: float) -> bool:
    """Whether one of the events came within so many seconds."""
    tasks = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        done, _ = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
    return bool(done)
