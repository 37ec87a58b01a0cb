"""The served Alertmanager and a real one are told the same, and must answer and notify the same."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from tests.worlds.telemetry.alertmanager.hook import Hook, listening
from tests.worlds.telemetry.alertmanager.real_alertmanager import EXTERNAL_URL, alertmanager_with
from worlds.alertmanager.api import app
from worlds.alertmanager.config import load_config
from worlds.alertmanager.core import Alertmanager
from worlds.alertmanager.sender import WebhookSender
from worlds.sources import Sources

pytestmark = pytest.mark.alertmanager

CONFIG = """
route:
  receiver: hook
  group_by: [alertname, namespace]
  group_wait: 3s
  group_interval: 2s
  repeat_interval: 1h
  routes:
  - receiver: firing-only
    matchers: ['severity="page"', 'team=~"a|b"']
    group_by: ['...']
  - receiver: cut
    matchers: ['severity="trunc"']
    group_by: [alertname]
receivers:
- name: hook
  webhook_configs:
  - url: URL
    http_config: {authorization: {credentials: s3cret}}
- name: firing-only
  webhook_configs:
  - {url: URL, send_resolved: false, http_config: {basic_auth: {username: me, password: pass}}}
- name: cut
  webhook_configs: [{url: URL, max_alerts: 1}]
inhibit_rules:
- source_matchers: ['severity="critical"']
  target_matchers: ['severity="info"']
  equal: [namespace]
"""


class Side:
    """One Alertmanager, real or served, and the hook it posts to."""

    def __init__(self, client: httpx.AsyncClient, hook: Hook) -> None:
        self.client, self.hook = client, hook


@pytest.fixture
async def sides(tmp_path: Any) -> Any:
    with (
        listening() as their_hook,
        listening() as our_hook,
        alertmanager_with(CONFIG.replace("URL", their_hook.url), folder=tmp_path) as url,
    ):
        alertmanager = Alertmanager(load_config(CONFIG.replace("URL", our_hook.url)), external_url=EXTERNAL_URL)
        transport = httpx.ASGITransport(Sources({"am": partial(app, alertmanager, now)}))
        async with (
            httpx.AsyncClient(base_url=url, timeout=60) as theirs,
            httpx.AsyncClient(base_url="http://world/am", transport=transport) as ours,
            httpx.AsyncClient(timeout=60) as outgoing,
        ):
            pump = asyncio.create_task(_pump(alertmanager, WebhookSender(client=outgoing)))
            yield Side(theirs, their_hook), Side(ours, our_hook)
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)


async def _pump(alertmanager: Alertmanager, sender: WebhookSender) -> None:
    while True:
        for notification in alertmanager.step(now()):
            report = alertmanager.delivered if await sender.send(notification) else alertmanager.failed
            report(notification)
        await asyncio.sleep(0.02)


def now() -> datetime:
    return datetime.now(UTC)


# Longer than group_interval: what was not told by then is not told.
QUIET = 4.0


def alert(name: str, *, over: bool = False, fresh: bool = False, **labels: str) -> dict[str, Any]:
    """One that began long before its group's wait is told at once; a fresh one waits for those that come with it."""
    start = datetime.now(UTC) - timedelta(seconds=0 if fresh else 5)
    end = start + (timedelta(seconds=4) if over else timedelta(hours=1))
    return {
        "labels": {"alertname": name, **labels},
        "annotations": {"summary": f"{name} is bad", "same": "x"},
        "startsAt": start.isoformat(),
        "endsAt": end.isoformat(),
        "generatorURL": "http://prometheus/graph?g0.expr=up",
    }


async def post(side: Side, *alerts: dict[str, Any]) -> None:
    response = await side.client.post("/api/v2/alerts", json=list(alerts))
    assert response.status_code == 200, response.text


def comparable(value: object) -> object:
    """Blank out what differs between two runs: times and the ids of silences."""
    if isinstance(value, dict):
        return {key: comparable(one) for key, one in value.items()}
    if isinstance(value, list):
        return [comparable(one) for one in value]
    if isinstance(value, str) and not value.startswith("0001"):
        value = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>", value)
        return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f-]{21}", "<uuid>", value)
    return value


async def arrived(side: Side, count: int) -> list[object]:
    bodies = await asyncio.to_thread(side.hook.wait_for, count, seconds=30)
    return [comparable(body) for body in bodies]


async def test_a_group_fires_grows_is_partly_resolved_and_resolved(sides: tuple[Side, Side]) -> None:
    told: list[list[object]] = []
    for side in sides:
        down = [alert("Down", fresh=True, namespace="shop", instance=str(one), job="api") for one in range(3)]
        await post(side, *down)
        await arrived(side, 1)
        await post(side, alert("Down", namespace="shop", zone="b"))
        await arrived(side, 2)
        await post(side, alert("Down", over=True, namespace="shop", instance="0", job="api"))
        await arrived(side, 3)
        rest = [dict(list(one["labels"].items())[1:]) for one in down[1:]]
        await post(
            side, *[alert("Down", over=True, **labels) for labels in (*rest, {"namespace": "shop", "zone": "b"})]
        )
        told.append(await arrived(side, 4))
        assert side.hook.headers[0]["Authorization"] == "Bearer s3cret"
        assert side.hook.headers[0]["Content-Type"] == "application/json"
    assert told[0] == told[1]
    assert [body["status"] for body in sides[1].hook.bodies] == ["firing", "firing", "firing", "resolved"]


async def test_routes_decide_about_groups_truncation_and_resolved_alerts(sides: tuple[Side, Side]) -> None:
    for side in sides:
        await post(side, *[alert("Storm", fresh=True, severity="trunc", pod=f"web-{one}") for one in range(3)])
        await post(side, alert("Page", severity="page", team="b"))
        await arrived(side, 2)
        await post(side, alert("Page", over=True, severity="page", team="b"))
        await asyncio.sleep(QUIET)
    theirs, ours = ([comparable(body) for body in side.hook.bodies] for side in sides)
    assert sorted(theirs, key=str) == sorted(ours, key=str)
    assert len(ours) == 2, "a receiver without send_resolved hears nothing of the end"
    assert {headers.get("Authorization") for headers in sides[1].hook.headers} >= {"Basic bWU6cGFzcw=="}


async def test_silenced_and_inhibited_alerts_stay_quiet(sides: tuple[Side, Side]) -> None:
    silence = {
        "matchers": [{"name": "alertname", "value": "Mut.*", "isRegex": True}],
        "startsAt": (now() - timedelta(minutes=1)).isoformat(),
        "endsAt": (now() + timedelta(hours=1)).isoformat(),
        "createdBy": "me",
        "comment": "known",
    }
    for side in sides:
        created = await side.client.post("/api/v2/silences", json=silence)
        assert created.status_code == 200
        await post(side, alert("Muted", namespace="shop"), alert("Big", namespace="shop", severity="critical"))
        # Whoever inhibits has to be known before: the real one looks at a batch in no promised order.
        await arrived(side, 1)
        await post(side, *[alert("Small", namespace=name, severity="info") for name in ("shop", "other")])
        await arrived(side, 2)
        await asyncio.sleep(QUIET)
    theirs, ours = ([comparable(body) for body in side.hook.bodies] for side in sides)
    assert sorted(theirs, key=str) == sorted(ours, key=str)
    assert sorted(body["groupLabels"]["alertname"] for body in sides[1].hook.bodies) == ["Big", "Small"]
    for path in ("alerts", "alerts/groups", "silences", "alerts?silenced=false", "alerts?inhibited=false&active=false"):
        answers = [comparable((await side.client.get(f"/api/v2/{path}")).json()) for side in sides]
        assert answers[0] == answers[1], path


async def test_a_silence_is_extended_under_its_id_and_replaced_when_its_matchers_change(
    sides: tuple[Side, Side],
) -> None:
    stories = []
    for side in sides:
        body: dict[str, Any] = {
            "matchers": [{"name": "alertname", "value": "A", "isRegex": False}],
            "startsAt": (now() - timedelta(minutes=1)).isoformat(),
            "endsAt": (now() + timedelta(hours=1)).isoformat(),
            "createdBy": "me",
            "comment": "known",
        }
        first = (await side.client.post("/api/v2/silences", json=body)).json()["silenceID"]
        listed = (await side.client.get(f"/api/v2/silence/{first}")).json()
        later = (now() + timedelta(hours=2)).isoformat()
        longer = {**body, "id": first, "startsAt": listed["startsAt"], "endsAt": later}
        extended = (await side.client.post("/api/v2/silences", json=longer)).json()["silenceID"]
        other = {**longer, "matchers": [{"name": "alertname", "value": "B", "isRegex": False}]}
        changed = (await side.client.post("/api/v2/silences", json=other)).json()["silenceID"]
        await side.client.delete(f"/api/v2/silence/{changed}")
        states = [one["status"]["state"] for one in (await side.client.get("/api/v2/silences")).json()]
        stories.append((extended == first, changed == first, states))
    assert stories[0] == stories[1]
    assert stories[1] == (True, False, ["expired", "expired"])


async def test_a_refused_notification_is_tried_again(sides: tuple[Side, Side]) -> None:
    for side in sides:
        side.hook.statuses = [500, 503]
        await post(side, alert("Down", namespace="shop"))
        began = time.monotonic()
        await arrived(side, 1)
        assert time.monotonic() - began > 0.5, "not at once"
        assert len(side.hook.headers) == 3


SILENCE = '{"matchers":[%s],"startsAt":"%s","endsAt":"%s","createdBy":"me","comment":"c"}'
MATCHER = '{"name":"a","value":"b","isRegex":false}'
PAST, FUTURE, LATER = "2020-01-01T00:00:00Z", "2035-01-01T00:00:00Z", "2036-01-01T00:00:00Z"
REQUESTS = {
    "a silence without fields": ("POST", "silences", "{}"),
    "a silence without matchers": ("POST", "silences", SILENCE % ("", PAST, FUTURE)),
    "a silence that is over": ("POST", "silences", SILENCE % (MATCHER, PAST, PAST.replace("2020", "2021"))),
    "a silence that ends before it starts": ("POST", "silences", SILENCE % (MATCHER, LATER, FUTURE)),
    "a silence for everything": ("POST", "silences", SILENCE % (MATCHER.replace('"b"', '""'), PAST, FUTURE)),
    "a silence with a bad label": ("POST", "silences", SILENCE % (MATCHER.replace('"a"', '"a b"'), PAST, FUTURE)),
    "an unknown silence to change": ("POST", "silences", '{"id":"nope",' + (SILENCE % (MATCHER, PAST, FUTURE))[1:]),
    "a silence by a malformed id": ("GET", "silence/nope", None),
    "a silence by an unknown id": ("GET", "silence/00000000-0000-4000-8000-000000000000", None),
    "an unknown silence to expire": ("DELETE", "silence/00000000-0000-4000-8000-000000000000", None),
    "a filter that is none": ("GET", "alerts?filter=bad", None),
    "a silence filter that is none": ("GET", "silences?filter=bad", None),
    "an alert without labels": ("POST", "alerts", '[{"annotations":{}}]'),
    "an alert with empty labels": ("POST", "alerts", '[{"labels":{}}]'),
    "an alert with a bad label": ("POST", "alerts", '[{"labels":{"a b":"x"}}]'),
    "an alert that ends before it starts": (
        "POST",
        "alerts",
        f'[{{"labels":{{"a":"b"}},"startsAt":"{LATER}","endsAt":"{FUTURE}"}}]',
    ),
    "an alert without times": ("POST", "alerts", '[{"labels":{"alertname":"Bare"}}]'),
    "the receivers": ("GET", "receivers", None),
    "no alerts": ("GET", "alerts?filter=x%3D%22y%22", None),
}


async def test_requests_are_answered_alike(sides: tuple[Side, Side]) -> None:
    for sentence, (method, path, body) in REQUESTS.items():
        answers = []
        for side in sides:
            headers = {"Content-Type": "application/json"} if body else {}
            response = await side.client.request(method, f"/api/v2/{path}", content=body, headers=headers)
            answers.append((response.status_code, comparable(response.json()) if response.content else None))
        assert answers[0] == answers[1], sentence
