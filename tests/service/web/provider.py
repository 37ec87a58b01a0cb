"""An OpenID Connect provider as a process of its own: `python -m tests.service.web.provider PORT`.

Real HTTP, discovery, keys, PKCE, codes that work once, signed ID tokens, userinfo. `POST /test/next` says who signs in
next, and what is wrong with their token; everything else is as OpenID Connect Core 1.0 has it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from urllib.parse import urlencode

import httpx
import uvicorn
from fastapi import FastAPI, Form, Header, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.cluster.daemon import free_ports

CLIENT, SECRET = "midwatch-console", "secret-of-the-client"
WAIT_SECONDS = 120.0


def create_provider(issuer: str) -> FastAPI:
    """The provider with one client and nobody signed in."""
    app = FastAPI()
    key, forged = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}), RSAKey.generate_key(2048, {"kid": "one"})
    upcoming: dict[str, Any] = {}
    codes: dict[str, dict[str, Any]] = {}
    access: dict[str, dict[str, Any]] = {}

    @app.get("/.well-known/openid-configuration")
    def discovery() -> dict[str, Any]:
        return {
            "issuer": upcoming.get("issuer", issuer),
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            **upcoming.get("discovery", {}),
        }

    @app.get("/keys")
    def keys() -> dict[str, Any]:
        return {"keys": [key.as_dict(private=False)]}

    @app.post("/test/next")
    async def next_person(request: Request) -> None:
        upcoming.clear()
        upcoming.update(await request.json())

    @app.get("/authorize")
    def authorize(
        *, client_id: str, redirect_uri: str, response_type: str, scope: str, state: str, nonce: str,
        code_challenge: str, code_challenge_method: str,
    ) -> RedirectResponse:  # fmt: skip
        if (client_id, response_type, code_challenge_method) != (CLIENT, "code", "S256") or "openid" not in scope:
            raise HTTPException(400, "invalid_request")
        if upcoming.get("refuses"):
            return RedirectResponse(f"{redirect_uri}?{urlencode({'error': 'access_denied', 'state': state})}", 302)
        code = secrets.token_urlsafe(16)
        asked = {"redirect_uri": redirect_uri, "nonce": nonce, "challenge": code_challenge, "person": dict(upcoming)}
        codes[code] = asked
        return RedirectResponse(f"{redirect_uri}?{urlencode({'code': code, 'state': state, 'iss': issuer})}", 302)

    @app.post("/token")
    def token(
        *, grant_type: Annotated[str, Form()], code: Annotated[str, Form()], redirect_uri: Annotated[str, Form()], code_verifier: Annotated[str, Form()],
        authorization: Annotated[str, Header()],
    ) -> Any:  # fmt: skip
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization != expected:
            return _error("invalid_client", status=401)
        asked = codes.pop(code, None)
        digest = base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()
        if grant_type != "authorization_code" or asked is None or asked["redirect_uri"] != redirect_uri:
            return _error("invalid_grant")
        if digest != asked["challenge"]:
            return _error("invalid_grant", said="PKCE")
        person = asked["person"]
        bearer = secrets.token_urlsafe(16)
        access[bearer] = person.get("userinfo", {"sub": person["sub"]})
        claims = {
            "iss": issuer, "sub": person["sub"], "aud": CLIENT, "iat": int(time.time()), "exp": int(time.time()) + 300,
            "nonce": asked["nonce"], "email": person.get("email", ""), "email_verified": person.get("verified", True),
            "name": person.get("name", ""), "groups": person.get("groups", []), **person.get("claims", {}),
        }  # fmt: skip
        signer = forged if person.get("forged") else key
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, signer)
        if person.get("unsigned"):
            head = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
            signed = f"{head}.{signed.split('.')[1]}."
        return {"access_token": bearer, "token_type": "Bearer", "expires_in": 300, "id_token": signed}

    @app.get("/userinfo")
    def userinfo(authorization: Annotated[str, Header()]) -> dict[str, Any]:
        return access[authorization.removeprefix("Bearer ")]

    return app


def _error(name: str, *, said: str = "", status: int = 400) -> JSONResponse:
    return JSONResponse({"error": name, "error_description": said or name}, status_code=status)


@contextmanager
def provider() -> Iterator[str]:
    """A started provider; the issuer's address. It is ended by its own process id."""
    (port,) = free_ports(1)
    issuer = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([sys.executable, "-m", "tests.service.web.provider", str(port)])
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not _answers(issuer):
            assert process.poll() is None, "the provider ended at its start"
            assert time.monotonic() < deadline, "the provider does not answer"
            time.sleep(0.05)
        yield issuer
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(issuer: str) -> bool:
    try:
        return httpx.get(f"{issuer}/.well-known/openid-configuration", trust_env=False, timeout=2).is_success
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    number = int(sys.argv[1])
    uvicorn.run(create_provider(f"http://127.0.0.1:{number}"), host="127.0.0.1", port=number, log_level="warning")
