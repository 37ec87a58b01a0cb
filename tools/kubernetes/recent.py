"""One look of several at an API server: what one of them listed a moment ago, the others are given again."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from tools.kubernetes.client import MAX_ANSWER, KubernetesClient
from tools.kubernetes.document import Document
from tools.kubernetes.wire import MAX_ITEMS, Listing
from tools.recent import Kept

MOST_KEPT = 500
"""Objects of one list that is kept; longer ones cost more memory than a second read costs the server."""


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
