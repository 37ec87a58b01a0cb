"""A recording answers over the same wire as a real estate, changes nothing, and is silent where nothing was recorded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest

from worlds.loki.storage import Entry
from worlds.promql.storage import Series
from worlds.recorded.recording import ContainerLog, RecordedCommit, RecordedDeployment, Recording
from worlds.recorded.serving import RecordedWorld, serve_recording
from worlds.repository.git import Person

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = NOW.timestamp()
SHA = "c" * 40

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web-0", "namespace": "shop", "uid": "u-1", "creationTimestamp": "2026-03-01T11:00:00Z"},
    "spec": {"containers": [{"name": "web", "image": "web:1"}]},
    "status": {
        "phase": "Running",
        "containerStatuses": [
            {
                "name": "web",
                "restartCount": 1,
                "state": {"running": {"startedAt": "2026-03-01T11:50:00Z"}},
                "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
            }
        ],
    },
}
RECORDING = Recording(
    cluster="recorded",
    now=NOW,
    objects=[POD, {"apiVersion": "example.org/v1", "kind": "Gadget", "metadata": {"name": "unknown"}}],
    container_logs=[
        ContainerLog(namespace="shop", pod="web-0", container="web", lines=[(AT - 900, "early"), (AT - 60, "late")]),
        ContainerLog(namespace="shop", pod="web-0", container="web", lines=[(AT - 1800, "last words")], previous=True),
    ],
    series=[Series(labels={"__name__": "up", "job": "web"}, timestamps=[AT - 30], values=[1.0])],
    logs=[Entry(labels={"app": "web"}, ns=int((AT - 5) * 1e9), line="boom")],
    alerts=[{"labels": {"alertname": "Slow"}, "annotations": {}, "startsAt": "2026-03-01T11:00:00Z"}],
    commits=[
        RecordedCommit(
            repository="shop/web",
            sha=SHA,
            author=Person(name="Ann", email="ann@shop"),
            at=AT - 3600,
            message="Add a retry",
            patches={"web.py": "@@ -1 +1,2 @@\n a\n+b"},
        )
    ],
    deployments=[RecordedDeployment(repository="shop/web", sha=SHA, environment="production", at=AT - 3500)],
    absent=frozenset({"argocd", "opencost", "traces"}),
)


@asynccontextmanager
async def served(recording: Recording) -> AsyncIterator[tuple[RecordedWorld, httpx.AsyncClient]]:
    world = await serve_recording(recording)
    try:
        headers = {"Authorization": f"Bearer {world.tokens['reader']}"}
        async with httpx.AsyncClient(base_url=world.base_url, headers=headers) as client:
            yield world, client
    finally:
        await world.stop()


async def test_objects_are_served_as_they_were_recorded() -> None:
    async with served(RECORDING) as (_, client):
        pod = (await client.get("/kubernetes/api/v1/namespaces/shop/pods/web-0")).json()
    assert pod["metadata"]["uid"] == "u-1"
    assert pod["metadata"]["creationTimestamp"] == "2026-03-01T11:00:00Z"
    assert pod["status"] == POD["status"]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        pytest.param("", "early\nlate\n", id="the whole log"),
        pytest.param("?tailLines=1", "late\n", id="its end"),
        pytest.param("?sinceSeconds=120", "late\n", id="only what is recent, by the recorded now"),
        pytest.param("?previous=true", "last words\n", id="the instance before"),
    ],
)
async def test_logs_are_served_as_asked(query: str, text: str) -> None:
    async with served(RECORDING) as (_, client):
        answer = await client.get(f"/kubernetes/api/v1/namespaces/shop/pods/web-0/log{query}")
    assert answer.text == text


async def test_a_container_that_never_ran_before_has_no_previous_log() -> None:
    fresh = {**POD, "status": {"containerStatuses": [{"name": "web", "restartCount": 0, "state": {"running": {}}}]}}
    async with served(Recording(cluster="c", now=NOW, objects=[fresh])) as (_, client):
        answer = await client.get("/kubernetes/api/v1/namespaces/shop/pods/web-0/log?previous=true")
    assert answer.status_code == 400
    assert "previous terminated container" in answer.json()["message"]


async def test_nothing_can_be_changed() -> None:
    async with served(RECORDING) as (_, client):
        answers = [
            await client.delete("/kubernetes/api/v1/namespaces/shop/pods/web-0"),
            await client.patch("/kubernetes/api/v1/namespaces/shop/pods/web-0", json={}),
        ]
        still = await client.get("/kubernetes/api/v1/namespaces/shop/pods/web-0")
    assert [answer.status_code for answer in answers] == [403, 403]
    assert still.status_code == 200


async def test_metrics_logs_and_alerts_are_answered_at_the_recorded_now() -> None:
    async with served(RECORDING) as (_, client):
        up = (await client.get("/prometheus/api/v1/query", params={"query": "up"})).json()
        lines = (await client.get("/loki/loki/api/v1/query_range", params={"query": '{app="web"}'})).json()
        alerts = (await client.get("/alertmanager/api/v2/alerts")).json()
    assert up["data"]["result"] == [{"metric": {"__name__": "up", "job": "web"}, "value": [AT, "1"]}]
    assert [value[1] for stream in lines["data"]["result"] for value in stream["values"]] == ["boom"]
    assert [(one["labels"]["alertname"], one["status"]["state"]) for one in alerts] == [("Slow", "active")]


async def test_commits_keep_their_ids_and_diffs() -> None:
    async with served(RECORDING) as (world, client):
        client.headers["Authorization"] = f"Bearer {world.tokens['github']}"
        commit = (await client.get(f"/github/repos/shop/web/commits/{SHA}")).json()
        deployments = (await client.get("/github/repos/shop/web/deployments")).json()
    assert [(one["filename"], one["patch"]) for one in commit["files"]] == [("web.py", "@@ -1 +1,2 @@\n a\n+b")]
    assert [one["sha"] for one in deployments] == [SHA]


async def test_a_source_that_was_not_recorded_has_no_address() -> None:
    absent = frozenset({"prometheus", "loki", "github", "alertmanager", "argocd", "opencost", "traces"})
    async with served(Recording(cluster="c", now=NOW, absent=absent)) as (world, client):
        answer = await client.get("/prometheus/api/v1/query", params={"query": "up"})
        assert list(world.urls) == ["kubernetes"]
    assert answer.status_code == 404


async def test_what_nobody_looked_at_is_refused_and_not_empty() -> None:
    async with served(Recording(cluster="c", now=NOW, unread=frozenset({"secrets"}))) as (_, client):
        answers = [await client.get(f"/kubernetes/api/v1/{kind}") for kind in ("secrets", "configmaps")]
    assert [answer.status_code for answer in answers] == [403, 200]
