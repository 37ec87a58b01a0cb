"""One look of several: what one of them read of the API server a moment ago, the others are given again.

The specialists of a round ask within seconds for the same pods, ReplicaSets and Services. Reads only, only for those
who look around: whoever changes something, or says whether that helped, asks the server itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from tools.clock import Clock
from tools.kubernetes.client import MAX_ANSWER, KubernetesClient
from tools.kubernetes.document import Document
from tools.kubernetes.shared import Shared
from tools.kubernetes.wire import MAX_ITEMS, Listing

T = TypeVar("T")

KEPT = timedelta(seconds=10)
"""How old an answer may be, by the clock of the product: no older than metrics are, and about what a round takes."""
FORGOTTEN_SECONDS = 30.0
"""Real seconds after which an answer is given up whatever the clock says: memory that nobody asks for."""
MOST_KEPT = 500
"""Objects of one list that is kept; longer ones cost more memory than a second read costs the server."""


class Kept(Generic[T]):
    """Answers by question, each for a moment. Who asks while a question is under way waits for its answer."""

    def __init__(self, clock: Clock, *, fits: Callable[[T], bool]) -> None:
        """`fits` says which answers are small enough to be kept."""
        self._clock, self._fits = clock, fits
        self._shared: Shared[T] = Shared()
        self._answers: dict[str, tuple[datetime, T]] = {}

    async def ask(self, key: str, question: Callable[[], Awaitable[T]]) -> T:
        """The answer, asked for where none is kept. Raises the question's ToolError, which is never kept."""
        known = self._answers.get(key)
        if known is not None and abs(self._clock.now() - known[0]) <= KEPT:
            return known[1]
        return await self._shared.ask(key, lambda: self._put(key, question))

    async def _put(self, key: str, question: Callable[[], Awaitable[T]]) -> T:
        asked = self._clock.now()
        answer = await question()
        if self._fits(answer):
            self._answers[key] = entry = (asked, answer)
            asyncio.get_running_loop().call_later(FORGOTTEN_SECONDS, self._forget, key, entry)
        return answer

    def _forget(self, key: str, entry: tuple[datetime, T]) -> None:
        if self._answers.get(key) is entry:
            del self._answers[key]


class RecentReads(KubernetesClient):
    """A client's lists and objects, no older than KEPT. Everything else goes to the client."""

    def __init__(self, client: KubernetesClient) -> None:
        """The connections stay the client's, who closes them."""
        super().__init__(client.access, clock=client.clock)
        self._client = client
        self._lists: Kept[Listing] = Kept(client.clock, fits=lambda found: len(found.items) <= MOST_KEPT)
        self._objects: Kept[Document] = Kept(client.clock, fits=lambda _: True)

    async def list(
        self, path: str, *, query: Mapping[str, str] | None = None, metadata_only: bool = False, most: int = MAX_ITEMS
    ) -> Listing:
        """All objects of a collection, as they were a moment ago at most."""
        key = f"{path}?{urlencode(query or {})} {metadata_only} {most}"
        return await self._lists.ask(
            key, lambda: self._client.list(path, query=query, metadata_only=metadata_only, most=most)
        )

    async def get(
        self,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        metadata_only: bool = False,
        many: bool = False,
        most: int = MAX_ANSWER,
    ) -> Document:
        """One object, as it was a moment ago at most. A page of a collection is asked for every time."""
        if many:
            return await self._client.get(path, query=query, metadata_only=metadata_only, many=True, most=most)
        key = f"{path}?{urlencode(query or {})} {metadata_only} {most}"
        return await self._objects.ask(
            key, lambda: self._client.get(path, query=query, metadata_only=metadata_only, most=most)
        )

    async def close(self) -> None:
        """Nothing of its own to close."""

    async def _connected(self) -> Any:
        return await self._client._connected()  # noqa: SLF001 - one client in two shapes
