"""Connections to an API server as its configuration says: whom to trust, who one is, and by which proxy."""

import json
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

from incidents.canonical import Json
from tools.address import proxy_of
from tools.connector import JudgingResolver, session

_SIGNED = "BearerToken"
"""The library's name for a token in the header `authorization`."""


class Session:
    """One configuration of the library, and the connections that it leads to. Make it where an event loop runs."""

    def __init__(self, configuration: Any) -> None:
        """Raises OSError for a certificate or key that cannot be read (ssl.SSLError is one)."""
        self._configuration = configuration
        self._host = str(configuration.host).rstrip("/")
        self._proxy = configuration.proxy or proxy_of(self._host)
        self._session = session(
            tls=_tls(configuration) if self._host.startswith("https:") else True,
            guard=None if self._proxy else JudgingResolver(system="the Kubernetes API"),
            most=configuration.connection_pool_maxsize,
        )

    async def close(self) -> None:
        """End the connections."""
        await self._session.close()

    async def request(
        self, method: str, target: str, *, headers: Mapping[str, str], body: Json = None
    ) -> aiohttp.ClientResponse:
        """Send one request with the credentials of the moment: tokens are refreshed. Raises aiohttp.ClientError.

        `target` is path and query. The caller closes the answer.
        """
        credentials = (await self._configuration.auth_settings()).get(_SIGNED, {})
        if token := credentials.get("value"):
            headers = {**headers, credentials["key"]: token}
        return await self._session.request(
            method,
            URL(f"{self._host}{target}"),
            headers=headers,
            data=None if body is None else json.dumps(body).encode(),
            allow_redirects=False,
            proxy=self._proxy,
            proxy_headers=self._configuration.proxy_headers,
            server_hostname=self._configuration.tls_server_name,
        )


def _tls(configuration: Any) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.disable_strict_ssl_verification:
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
