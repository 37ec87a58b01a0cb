"""Gives signed heads to places that whoever can write the database cannot write: a file, an address, standard output.

A head that could not be delivered is no loss: the next one covers everything that it covered.
"""

import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from incidents.heads import SignedHead
from tools.errors import ToolError
from tools.estate import Endpoint
from tools.http import HttpClient

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0


async def keep(signed: SignedHead, path: Path) -> None:
    """Append a head to a file of this machine."""
    await asyncio.to_thread(_append, path, signed.model_dump_json() + "\n")


async def give(signed: SignedHead, place: str) -> None:
    """Give a head to the place that the settings name; what goes wrong is logged."""
    if not place:
        return
    try:
        if place == "-":
            sys.stdout.write(json.dumps({"midwatch_head": signed.model_dump(mode="json")}) + "\n")
            sys.stdout.flush()
        elif place.startswith(("http://", "https://")):
            await _post(signed, place)
        else:
            await keep(signed, Path(place))
    except (OSError, ToolError):
        logger.exception("A signed head could not be given to %s", place, extra={"action": "head_not_exported"})


async def _post(signed: SignedHead, address: str) -> None:
    parts = urlsplit(address)
    endpoint = Endpoint(url=f"{parts.scheme}://{parts.netloc}", timeout_seconds=TIMEOUT_SECONDS)
    client = HttpClient(endpoint, system="the store of signed heads")
    try:
        await client.tell(parts.path or "/", body=signed.model_dump(mode="json"))
    finally:
        await client.aclose()


def _append(path: Path, line: str) -> None:
    path = path.expanduser()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
