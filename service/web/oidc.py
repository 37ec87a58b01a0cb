"""Signing in with an identity provider: OpenID Connect, authorization code with PKCE, state and nonce.

Nothing that the browser brings back is believed: the code is exchanged at the provider, and the ID token is checked
for signature, issuer, audience, expiry and nonce. Times are those of the wall clock: tokens are the provider's.
"""

import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, ValidationError

from incidents.value import Value
from orchestrator.oidc_settings import LOOPBACK, Oidc
from orchestrator.people import Claims
from tools.address import Resolve, by_proxy, first_answer, judged, objection_to_url, resolve
from tools.errors import ToolError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519")
"""Signatures with a key that only the provider has. HS256 would make the client's own secret one."""
LEEWAY_SECONDS = 30
"""By which the provider's clock may differ."""
METADATA_SECONDS = 3600.0
"""After that the provider is asked for its addresses and keys again; an unknown key is asked for at once."""
SAID = 200
"""Characters of the provider's own words that are shown."""


class SignInError(Exception):
    """Signing in did not work; the message is for the person who tried."""


class Flow(Value):
    """One attempt to sign in: what the browser keeps (signed) until it comes back."""

    state: str
    nonce: str
    verifier: str
    next: str


class _Metadata(BaseModel):
    """What of the provider's discovery document is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""


class _Guarded(httpx2.AsyncBaseTransport):
    """Connects to judged addresses only: `tools.connector.JudgingResolver` for the HTTP library of authlib."""

    def __init__(self, *, resolver: Resolve) -> None:
        self._inner, self._resolve = httpx2.AsyncHTTPTransport(trust_env=False), resolver

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it to the first address that answers. Raises SignInError when one of them is none to speak to."""
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        try:
            addresses = await judged(host, port, system="The identity provider", resolver=self._resolve)
        except ToolError as error:
            raise SignInError(f"{error}.") from None

        async def send(address: str) -> httpx2.Response:
            pinned = httpx2.Request(
                request.method,
                request.url.copy_with(host=address),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            return await self._inner.handle_async_request(pinned)

        return await first_answer(addresses, send, unconnected=httpx2.ConnectError)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


class Provider:
    """The configured provider, as one process knows it."""

    def __init__(self, settings: Oidc, *, redirect_uri: str, resolver: Resolve = resolve) -> None:
        """Nothing is asked before somebody signs in."""
        self._settings, self._redirect, self._resolve = settings, redirect_uri, resolver
        self._metadata: _Metadata | None = None
        self._keys: KeySet | None = None
        self._asked_at = 0.0

    async def begin(self, *, next_path: str) -> tuple[str, Flow]:
        """The address to send the browser to, and what it has to bring back. Raises SignInError."""
        flow = Flow(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            next=next_path,
        )
        async with self._client() as client:
            metadata = await self._known(client)
            url, _ = client.create_authorization_url(
                metadata.authorization_endpoint, state=flow.state, nonce=flow.nonce, code_verifier=flow.verifier
            )
        return str(url), flow

    async def finish(self, flow: Flow, query: Mapping[str, str]) -> Claims:
        """Who came back. Raises SignInError for whatever is not exactly as it should be."""
        if not hmac.compare_digest(query.get("state", "").encode(), flow.state.encode()):
            raise SignInError("This answer belongs to another attempt to sign in: start again.")
        if problem := query.get("error"):
            said = query.get("error_description") or problem
            raise SignInError(f"The identity provider refused: {said[:SAID]}")
        if query.get("iss", self._settings.issuer) != self._settings.issuer:
            raise SignInError("The answer comes from another identity provider than the one that was asked.")
        async with self._client() as client:
            metadata = await self._known(client)
            tokens = await self._exchanged(client, metadata, query.get("code", ""), flow)
            claims = await self._checked(client, metadata, tokens, flow)
            more = await self._userinfo(client, metadata, tokens, subject=str(claims["sub"]))
        return _claims({**more, **claims}, groups=self._settings.groups_claim)

    def _client(self) -> AsyncOAuth2Client:
        """Speaks to judged addresses only; where the environment names a proxy for the provider, the proxy decides."""
        proxied = by_proxy(self._settings.issuer)
        way = {"trust_env": True} if proxied else {"trust_env": False, "transport": _Guarded(resolver=self._resolve)}
        secret = self._settings.client_secret
        return AsyncOAuth2Client(
            client_id=self._settings.client_id,
            client_secret=secret.get_secret_value() if secret else None,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            scope=" ".join(self._settings.scopes),
            redirect_uri=self._redirect,
            code_challenge_method="S256",
            timeout=self._settings.timeout_seconds,
            follow_redirects=False,
            **way,
        )

    async def _known(self, client: AsyncOAuth2Client) -> _Metadata:
        if self._metadata is not None and time.monotonic() - self._asked_at < METADATA_SECONDS:
            return self._metadata
        address = self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            found = _Metadata.model_validate(await _json(client, address))
        except ValidationError as error:
            raise SignInError(f"The identity provider does not describe itself: {error.errors()[0]['msg']}") from None
        if found.issuer != self._settings.issuer:
            raise SignInError(f"The identity provider calls itself {found.issuer[:SAID]}, not {self._settings.issuer}.")
        for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint):
            if url and not _as_safe(url, as_=self._settings.issuer):
                raise SignInError("The identity provider names an address without https.")
            if url and (why := objection_to_url(url)):
                raise SignInError(f"The identity provider names an address that nobody asks: {why}.")
        self._metadata, self._keys, self._asked_at = found, None, time.monotonic()
        return found

    async def _exchanged(
        self, client: AsyncOAuth2Client, metadata: _Metadata, code: str, flow: Flow
    ) -> Mapping[str, Any]:
        if not code:
            raise SignInError("The identity provider sent no code: start again.")
        try:
            answer: Mapping[str, Any] = await client.fetch_token(
                metadata.token_endpoint, grant_type="authorization_code", code=code, code_verifier=flow.verifier
            )
        except OAuthError as error:
            raise SignInError(
                f"The identity provider refused: {str(error.description or error.error)[:SAID]}"
            ) from None
        except (httpx2.HTTPError, ValueError) as error:
            raise SignInError("The identity provider does not answer: try again, or sign in with a token.") from error
        return answer

    async def _checked(
        self, client: AsyncOAuth2Client, metadata: _Metadata, tokens: Mapping[str, Any], flow: Flow
    ) -> Mapping[str, Any]:
        """The claims of the ID token, once everything about it holds."""
        raw = tokens.get("id_token")
        if not isinstance(raw, str):
            raise SignInError("The identity provider sent no ID token.")
        options: dict[str, Any] = {
            "iss": {"essential": True, "value": metadata.issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
        }
        try:
            token = await self._decoded(client, metadata, raw)
            claims = CodeIDToken(
                token.claims,
                token.header,
                options,
                {
                    "nonce": flow.nonce,
                    "client_id": self._settings.client_id,
                    "access_token": tokens.get("access_token"),
                },
            )
            claims.validate(now=int(time.time()), leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError) as error:
            raise SignInError(f"The identity provider's answer cannot be believed ({error}).") from None
        return dict(claims)

    async def _decoded(self, client: AsyncOAuth2Client, metadata: _Metadata, raw: str) -> jwt.Token:
        """Decode with the provider's keys, asked for again once when none of them fits: keys are exchanged."""
        if self._keys is not None:
            try:
                return jwt.decode(raw, self._keys, algorithms=list(ALGORITHMS))
            except (JoseError, ValueError):
                self._keys = None
        self._keys = KeySet.import_key_set(await _json(client, metadata.jwks_uri))  # type: ignore[arg-type] # checked there
        return jwt.decode(raw, self._keys, algorithms=list(ALGORITHMS))

    async def _userinfo(
        self, client: AsyncOAuth2Client, metadata: _Metadata, tokens: Mapping[str, Any], *, subject: str
    ) -> Mapping[str, Any]:
        """What the provider tells only there; of another subject, nothing."""
        access = tokens.get("access_token")
        if not metadata.userinfo_endpoint or not isinstance(access, str):
            return {}
        found = await _json(client, metadata.userinfo_endpoint, bearer=access)
        return found if found.get("sub") == subject else {}


async def _json(client: AsyncOAuth2Client, url: str, *, bearer: str = "") -> dict[str, Any]:
    headers = {"accept": "application/json"} | ({"authorization": f"Bearer {bearer}"} if bearer else {})
    try:
        answer = await client.request("GET", url, headers=headers, withhold_token=True)
        answer.raise_for_status()
        found = answer.json()
    except (httpx2.HTTPError, ValueError) as error:
        raise SignInError("The identity provider does not answer: try again, or sign in with a token.") from error
    if not isinstance(found, dict):
        raise SignInError("The identity provider answers in a form that is not known.")
    return found


def _claims(given: Mapping[str, Any], *, groups: str) -> Claims:
    listed = given.get(groups, [])
    verified = given.get("email_verified") in (True, "true")
    email = str(given.get("email", "")) if verified else ""
    return Claims(
        subject=str(given["sub"]),
        email=email,
        name=str(given.get("name") or given.get("preferred_username") or email),
        groups=tuple(str(one) for one in listed) if isinstance(listed, list) else (),
    )


def _as_safe(url: str, *, as_: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == urlsplit(as_).scheme == "http" and parts.hostname in LOOPBACK)
