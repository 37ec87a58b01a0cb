"""The kill switch on the page: who, why, since when and until when; it ends by itself."""

from __future__ import annotations

import httpx
import pytest

from tests.service.web.signing import csrf_of, sign_in
from tools.clock import ManualClock


@pytest.mark.parametrize(
    ("hours", "ends"),
    [
        pytest.param("4", True, id="for four hours"),
        pytest.param("", False, id="until somebody resumes"),
        pytest.param("999999", False, id="longer than a week is no end"),
        pytest.param("-1", False, id="nonsense is no end"),
    ],
)
async def test_a_pause_says_until_when(
    client: httpx.AsyncClient, clock: ManualClock, hours: str, *, ends: bool
) -> None:
    await sign_in(client, "dana")
    form = {"switch": "pause", "reason": "deploys", "hours": hours, "csrf": await csrf_of(client, "/")}
    assert (await client.post("/control", data=form)).status_code == 303
    page = (await client.get("/")).text
    assert "Execution is paused" in page
    assert "by dana@example.com" in page
    assert ": deploys" in page
    assert (", until " in page) is ends
    await clock.advance(4 * 3600)
    assert ("Execution is paused" in (await client.get("/")).text) is not ends
