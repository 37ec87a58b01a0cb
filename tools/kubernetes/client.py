"""The one door to the Kubernetes API: raw JSON over the library's configuration and authentication.

Typed models are not used (a list of 5,000 pods costs ten times the CPU with them). Every call has a time-out and a
bounded answer, and ends in a Document or in one of `tools.errors`. It retries nothing: who asks knows if that is safe.
"""

import asyncio
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import orjson
from kubernetes.aio import client as kubernetes_client
from kubernetes.aio import config

from incidents.canonical import Json
from incidents.entity import EntityKind
from tools.address import objection_to_url
from tools.clock import Clock
from tools.connector import LostError
from tools.errors import NotConfiguredError, PermanentError, TransientError
from tools.estate import KubernetesAccess
from tools.kubernetes.access import Need
from tools.kubernetes.client_session import Session
from tools.kubernetes.document import Document
from tools.kubernetes.refusals import error_of
from tools.kubernetes.resources import RESOURCES
from tools.kubernetes.wire import MAX_ITEMS, Access, Listing, PatchKind
from tools.shared import Shared

PAGE = 500
"""Objects per page of a list, as kubectl asks for."""
MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of one answer: a page of 500 large pods is below 10 MiB."""
MAX_LOG = 512 * 1024
"""Bytes of one log answer."""
FIELD_MANAGER = "midwatch"
"""The name under which changes are recorded in managedFields."""
_TOKEN_SECONDS = 60.0
"""How often a token of an exec plugin is looked at again."""
_METADATA = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1,application/json"


kubernetes_config: Any = config
"""The library's loaders carry no types."""


class KubernetesClient:
    """One API server with one set of credentials. Connects at the first call; `close` ends its connections."""

    def __init__(self, access: KubernetesAccess, *, clock: Clock) -> None:
        """Nothing is read or opened yet."""
        self.access, self.clock = access, clock
        self.date = ""
        """The Date header of the last answer: what the API server's clock said."""
        self._session: Session | None = None
        self._lock = asyncio.Lock()
        self._shared: Shared[Listing] = Shared()

    async def close(self) -> None:
        """End the connections."""
        async with self._lock:
            if self._session is not None:
                await self._session.close()
                self._session = None

    async def list(
        self, path: str, *, query: Mapping[str, str] | None = None, metadata_only: bool = False, most: int = MAX_ITEMS
    ) -> Listing:
        """All objects of a collection, page by page, at most `most`. `metadata_only` asks for no more than metadata.

        Probes that want the same list at the same time share one answer.
        """
        key = f"{path}?{urlencode(query or {})} {metadata_only} {most}"
        return await self._shared.ask(
            key, lambda: self._pages(path, query=query, metadata_only=metadata_only, most=most)
        )

    async def _pages(self, path: str, *, query: Mapping[str, str] | None, metadata_only: bool, most: int) -> Listing:
        found: list[Document] = []
        version, token = "", ""
        while True:
            page = await self.get(path, query=_page(query, token), metadata_only=metadata_only, many=True)
            found += page.items("items")
            version, token = page.word("metadata", "resourceVersion"), page.word("metadata", "continue")
            if not token:
                return Listing(items=tuple(found), resource_version=version)
            if len(found) >= most:
                rest = page.whole("metadata", "remainingItemCount")
                more = f"about {rest} more" if rest else "there are more"
                return Listing(
                    items=tuple(found), resource_version=version, cut=f"read the first {len(found)} of {path}, {more}"
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
        """One object, or (`many`) one page of a collection; PermanentError when it has more than `most` bytes."""
        accept = _METADATA.format("List" if many else "") if metadata_only else "application/json"
        return _decoded(await self._call("GET", path, query=query, accept=accept, most=most), path)

    async def text(self, path: str, *, query: Mapping[str, str] | None = None, most: int = MAX_LOG) -> str:
        """A plain text answer (health checks, logs), at most that many bytes."""
        data = await self._call("GET", path, query=query, accept="*/*", most=most, cut=True)
        return data.decode(errors="replace")

    async def patch(
        self, path: str, body: Json, *, kind: PatchKind, dry_run: bool = False, field_manager: str = FIELD_MANAGER
    ) -> Document:
        """Change one object; with `dry_run` the server says what it would become. ConflictError when a test fails."""
        query = {"fieldManager": field_manager, **_dry(dry_run)}
        return _decoded(await self._call("PATCH", path, query=query, body=body, content=kind.value), path)

    async def post(self, path: str, body: Json, *, dry_run: bool = False) -> Document:
        """Create an object or a subresource (an eviction, an access review)."""
        query = {"fieldManager": FIELD_MANAGER, **_dry(dry_run)}
        return _decoded(await self._call("POST", path, query=query, body=body), path)

    async def delete(
        self, path: str, *, uid: str, resource_version: str | None = None, dry_run: bool = False
    ) -> Document:
        """Delete exactly the object of that uid (and version); ConflictError when another one has its name."""
        wanted: dict[str, Json] = {"uid": uid}
        if resource_version:
            wanted["resourceVersion"] = resource_version
        body: Json = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": wanted}
        return _decoded(await self._call("DELETE", path, query=_dry(dry_run), body=body), path)

    async def logs(
        self,
        namespace: str,
        pod: str,
        *,
        container: str,
        previous: bool = False,
        tail_lines: int = 200,
        since_seconds: int | None = None,
    ) -> str:
        """The tail of a container's log with timestamps, of its present or previous run."""
        query = {"container": container, "timestamps": "true", "tailLines": str(tail_lines), "limitBytes": str(MAX_LOG)}
        if previous:
            query["previous"] = "true"
        if since_seconds:
            query["sinceSeconds"] = str(since_seconds)
        return await self.text(f"{RESOURCES[EntityKind.POD].path(pod, namespace)}/log", query=query)

    async def access_review(self, need: Need, *, namespace: str | None = None, name: str | None = None) -> Access:
        """Whether these credentials may do that, as the API server answers."""
        asked: dict[str, Json] = {"verb": need.verb, "group": need.group, "resource": need.resource}
        extra = {"subresource": need.subresource, "namespace": namespace or "", "name": name or ""}
        asked |= {key: value for key, value in extra.items() if value}
        body: Json = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        answer = await self.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
        return Access(allowed=answer.flag("status", "allowed"), reason=answer.word("status", "reason"))

    async def version(self) -> str:
        """The server's version, for example `v1.33.4`."""
        return (await self.get("/version")).word("gitVersion")

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json = None,
        accept: str = "application/json",
        content: str = "application/json",
        most: int = MAX_ANSWER,
        cut: bool = False,
    ) -> bytes:
        target = f"{path}?{urlencode(query)}" if query else path
        headers = {"Accept": accept, "Content-Type": content, "User-Agent": "midwatch"}
        try:
            async with asyncio.timeout(self.access.timeout_seconds):
                session = await self._connected()
                async with await session.request(method, target, headers=headers, body=body) as response:
                    data = await _bounded(response, target, most=most, cut=cut)
        except TimeoutError:
            raise TransientError(f"the Kubernetes API did not answer {method} {path} in time") from None
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise PermanentError(f"no trusted connection to the Kubernetes API: {error}") from error
        except LostError as error:
            raise TransientError(f"Kubernetes API: {error}") from error
        except (aiohttp.ClientError, OSError) as error:
            raise TransientError(f"no connection to the Kubernetes API: {error}") from error
        except ValueError as error:  # a line break in a token
            raise PermanentError(f"the Kubernetes API cannot be asked like this: {error}") from error
        self.date = response.headers.get("Date", "")
        if not 200 <= response.status <= 299:  # noqa: PLR2004 - HTTP's range of success
            raise error_of(response.status, response.headers, data, what=f"{method} {path}")
        return data

    async def _connected(self) -> Session:
        async with self._lock:
            if self._session is None:
                self._session = Session(await self._configured())
            return self._session

    async def _configured(self) -> Any:
        configuration: Any = kubernetes_client.Configuration()
        try:
            if self.access.in_cluster:
                kubernetes_config.load_incluster_config(client_configuration=configuration)
            elif self.access.kubeconfig:
                _see_that_it_is_there(self.access.kubeconfig)
                loader = await kubernetes_config.load_kube_config(
                    config_file=self.access.kubeconfig,
                    context=self.access.context,
                    client_configuration=configuration,
                    persist_config=False,
                )
                configuration.refresh_api_key_hook = _Refresh(loader)
            else:
                raise NotConfiguredError("Kubernetes has neither a kubeconfig nor in_cluster: set one of them")
        except (kubernetes_config.ConfigException, OSError, ValueError) as error:
            where = "the pod's service account" if self.access.in_cluster else f"kubeconfig {self.access.kubeconfig}"
            raise PermanentError(f"{where} cannot be used: {error}") from error
        if why := objection_to_url(str(configuration.host)):
            raise PermanentError(f"Kubernetes: {configuration.host} is no address to configure: {why}")
        return configuration


def _see_that_it_is_there(kubeconfig: str) -> None:
    """Raises OSError; the library would complain of a key that is missing, and print so once per key.

    Several files may be named, as in KUBECONFIG; those that are not there are passed over.
    """
    if not any(Path(one).expanduser().is_file() for one in kubeconfig.split(os.pathsep)):
        raise FileNotFoundError("there is no such file")


class _Refresh:
    """Looks at the token of a kubeconfig again (exec plugins, OIDC), at most once a minute."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._due = asyncio.get_running_loop().time() + _TOKEN_SECONDS

    async def __call__(self, configuration: kubernetes_client.Configuration) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._due:
            return
        self._due = now + _TOKEN_SECONDS
        await self._loader.load_and_set(configuration)


def _page(query: Mapping[str, str] | None, token: str) -> dict[str, str]:
    return {**(query or {}), "limit": str(PAGE), **({"continue": token} if token else {})}


def _dry(dry_run: bool) -> dict[str, str]:  # noqa: FBT001 - private, named at every call by its caller's argument
    return {"dryRun": "All"} if dry_run else {}


async def _bounded(response: aiohttp.ClientResponse, target: str, *, most: int, cut: bool) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(64 * 1024):
        parts.append(part)
        size += len(part)
        if size > most:
            if cut:
                return b"".join(parts)[:most]
            raise PermanentError(f"the Kubernetes API answered more than {most} bytes to {target}")
    return b"".join(parts)


def _decoded(data: bytes, path: str) -> Document:
    try:
        return Document(orjson.loads(data))
    except ValueError:
        raise TransientError(f"the Kubernetes API answered {path} with something that is no JSON") from None
