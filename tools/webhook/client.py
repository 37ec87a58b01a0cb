"""Posts signed JSON to an address of the settings. The receiver can tell who sent it, when, and whether it came before.

Like every client it speaks to judged addresses only (`tools.address`), follows no redirect, and sends once: whoever
calls it decides whether to try again, with the same key.
"""

import hashlib
import hmac
import json
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr, ValidationError

from incidents.canonical import Json
from tools.estate import Endpoint
from tools.http import HttpClient
from tools.wire import Wire

SYSTEM = "the webhook"
SIGNATURE, TIMESTAMP, KEY = "x-midwatch-signature", "x-midwatch-timestamp", "idempotency-key"
LONGEST_LINK = 2000


class _Answer(Wire):
    """What a receiver may answer: where the ticket can be seen."""

    url: str = ""


class WebhookClient:
    """Speaks to one address. Close it with `aclose`."""

    def __init__(self, endpoint: Endpoint, *, secret: SecretStr) -> None:
        """Nothing is sent yet. Raises PermanentError for an address that is none."""
        parts = urlsplit(endpoint.url)
        self._path = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        origin = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
        self._http = HttpClient(endpoint.model_copy(update={"url": origin}), system=SYSTEM)
        self._secret = secret

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def post(self, content: Json, *, key: str, at: datetime) -> str:
        """Send it; the link that the receiver answered, or nothing. Raises ToolError.

        `key` is the same at every try: a receiver that saw it before answers as before and does nothing.
        """
        body = json.dumps(content, ensure_ascii=False, sort_keys=True).encode()
        stamp = str(int(at.timestamp()))
        headers = {
            "content-type": "application/json",
            TIMESTAMP: stamp,
            KEY: key,
            SIGNATURE: signature_of(body, stamp=stamp, secret=self._secret),
        }
        answer = await self._http.deliver(self._path, content=body, headers=headers)
        return _link(answer.body)


def signature_of(body: bytes, *, stamp: str, secret: SecretStr) -> str:
    """`sha256=` and the HMAC of `<timestamp>.<body>`: what a receiver computes and compares."""
    signed = stamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.get_secret_value().encode(), signed, hashlib.sha256).hexdigest()


def _link(body: bytes) -> str:
    """A web address out of the answer; whatever else the receiver said is not kept."""
    try:
        url = _Answer.model_validate_json(body or b"{}").url
    except ValidationError:
        return ""
    return url if url.startswith(("https://", "http://")) and url.isprintable() and len(url) <= LONGEST_LINK else ""
