"""Signing in to the application as one of its people, and finding the form token of a page."""

from __future__ import annotations

import re

import httpx

from tests.service.web.serving import TOKENS


async def sign_in(client: httpx.AsyncClient, who: str) -> None:
    client.cookies.clear()
    answer = await client.post("/sign-in", data={"token": TOKENS[who]})
    assert answer.status_code == 303


async def csrf_of(client: httpx.AsyncClient, path: str) -> str:
    page = await client.get(path)
    return re.findall(r"name=\"csrf\" value=\"(\w+)\"", page.text)[0]


def bearer(who: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[who]}"}
