"""The fake kubelet's way to the API server: JSON in, JSON out, as the identity of one node."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Self

import aiohttp

Json = dict[str, Any]

_TIMEOUT = aiohttp.ClientTimeout(total=15)
_WATCH_SECONDS = 300
# An object may have 1.5 MB in etcd, and a watch sends each in one line.
_LONGEST_LINE = 4 * 2**20
_NOT_FOUND, _CONFLICT, _GONE = 404, 409, 410

_MERGE = "application/strategic-merge-patch+json"


class ApiError(Exception):
    """The API server refused: its status code and its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status

    @property
    def target_is_gone(self) -> bool:
        """Whether the object is not there any more, or is another one of the same name."""
        return self.status in (_NOT_FOUND, _CONFLICT)


class WatchExpiredError(Exception):
    """The watch is too far behind: list again."""


class Api:
    """One node's session with the API server; close it with `async with`."""

    def __init__(self, server: str, *, authority: Path, certificate: Path, key: Path) -> None:
        tls = ssl.create_default_context(cafile=str(authority))
        tls.load_cert_chain(certificate, key)
        self._session = aiohttp.ClientSession(
            server, connector=aiohttp.TCPConnector(ssl=tls), timeout=_TIMEOUT, read_bufsize=_LONGEST_LINE
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def get(self, path: str, **query: str) -> Json:
        """Read an object or a list."""
        return await self._call("GET", path, query=query)

    async def create(self, path: str, body: Json) -> Json:
        """Create an object in a collection."""
        return await self._call("POST", path, body=body)

    async def patch(self, path: str, body: Json) -> Json:
        """Change an object by a strategic merge patch, as the kubelet does."""
        return await self._call("PATCH", path, body=body, content_type=_MERGE)

    async def delete(self, path: str, body: Json) -> Json:
        """Delete an object with these options."""
        return await self._call("DELETE", path, body=body)

    async def watch(self, path: str, *, since: str, **query: str) -> AsyncIterator[Json]:
        """The changes of a collection until the server ends the watch. Raises `WatchExpiredError`, `ApiError`."""
        query |= {"watch": "true", "resourceVersion": since, "timeoutSeconds": str(_WATCH_SECONDS)}
        unlimited = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=_WATCH_SECONDS + 30)
        async with self._session.get(path, params=query, timeout=unlimited) as answer:
            await _raise_for(answer)
            async for line in answer.content:
                change: Json = json.loads(line)
                if change["type"] == "ERROR":
                    raise WatchExpiredError(change["object"].get("message", ""))
                yield change

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content_type: str = "application/json",
    ) -> Json:
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type}
        async with self._session.request(method, path, params=query, data=data, headers=headers) as answer:
            await _raise_for(answer)
            result: Json = await answer.json()
            return result


async def _raise_for(answer: aiohttp.ClientResponse) -> None:
    if answer.status == _GONE:
        raise WatchExpiredError(await answer.text())
    if not answer.ok:
        raise ApiError(answer.status, (await answer.text()).strip()[:500])
