"""A revert by pull request: it waits for people, then for its deploy, and only then is it watched."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from incidents.incident import Incident, Phase
from orchestrator.store.timeline import timeline_of
from orchestrator.store.verifications import verification_of
from service.demo.command import REFERENCE
from tests.orchestrator.staging import Stage, stage

IMAGE = REFERENCE.parents[1] / "images" / "catalog-tag-not-found.yaml"
REPOSITORY = "harbour/catalog"
THROUGH_GIT = """\
---
title: Image that does not exist
cause: image_not_found
scope: workload
facts:
  must: [container.image_pull_failed]
  likely: [change.image_changed]
actions: [revert_pull_request]
success: [workload_available]
---
## Meaning
A team that changes everything by pull request.
"""


@pytest.fixture
def runbooks(tmp_path: Path) -> tuple[Path, ...]:
    """The team's own runbook, in the place of the shipped one."""
    folder = tmp_path / "runbooks"
    folder.mkdir()
    (folder / "image-not-found.md").write_text(THROUGH_GIT)
    return (folder,)


async def opened(on: Stage) -> Incident:
    """Until the approved pull request is open."""
    incident = await on.until(Phase.AWAITING_DECISION)
    [stored] = await on.proposals(incident.id)
    assert [action.request.kind for action in stored.proposal.body.actions] == ["revert_pull_request"]
    await on.decide(stored.proposal.digest)
    await on.work()
    return await on.incident(incident.id)


async def call(on: Stage, method: str, path: str, **body: str) -> object:
    """Somebody with the right to merge, at GitHub."""
    headers = {"authorization": f"Bearer {on.world.tokens['github-write']}"}
    async with httpx.AsyncClient(base_url=on.world.urls["github"], headers=headers, timeout=60) as client:
        answer = await client.request(method, f"/repos/{REPOSITORY}{path}", json=body or None)
        answer.raise_for_status()
        return answer.json()


async def pulls(on: Stage) -> list[dict[str, object]]:
    found = await call(on, "GET", "/pulls?state=all")
    assert isinstance(found, list)
    return found


async def said(on: Stage, incident: Incident) -> str:
    async with on.store.transaction() as tx:
        return "\n".join(line.text for line in await timeline_of(tx, incident.id))


async def test_it_is_watched_from_when_its_merge_was_deployed(
    tmp_path: Path, database_url: str, runbooks: tuple[Path, ...]
) -> None:
    async with stage(tmp_path, database_url, IMAGE, runbooks=runbooks) as on:
        incident = await opened(on)
        for _ in range(20):
            await on.world.advance(60)
            await on.work()
        assert (await on.incident(incident.id)).phase is Phase.EXECUTING, await said(on, incident)
        told = await said(on, incident)
        assert told.count("waits for somebody to merge it") == 1, "the same thing is said once, however often looked at"
        assert "watching whether it helps" not in told
        [pull] = await pulls(on)
        await call(on, "PUT", f"/pulls/{pull['number']}/merge")
        merged = on.clock.now()
        ended = await on.until()
        assert ended.phase is Phase.VERIFIED, await said(on, ended)
        [stored] = await on.proposals(incident.id)
        async with on.store.transaction() as tx:
            verdict = await verification_of(tx, stored.proposal.digest)
        assert verdict is not None
        assert (verdict.started_at - merged).total_seconds() >= 45, "Argo CD takes that long to bring it"
        assert "its deploy has not been seen yet" in await said(on, ended)
        assert "Argo CD brought application catalog to" in await said(on, ended)
        assert len(await pulls(on)) == 1


async def test_closed_without_a_merge_it_has_not_happened(
    tmp_path: Path, database_url: str, runbooks: tuple[Path, ...]
) -> None:
    async with stage(tmp_path, database_url, IMAGE, runbooks=runbooks) as on:
        incident = await opened(on)
        [pull] = await pulls(on)
        await call(on, "PATCH", f"/pulls/{pull['number']}", state="closed")
        ended = await on.until()
        assert ended.phase is Phase.ESCALATED
        assert "closed without being merged" in await said(on, incident)
        assert len(await pulls(on)) == 1, "nobody opens it again"


async def test_what_nobody_merges_goes_to_people_after_a_while(
    tmp_path: Path, database_url: str, runbooks: tuple[Path, ...]
) -> None:
    periods = {"watch_seconds": 360.0, "expiry_seconds": 900.0, "merge_seconds": 600.0}
    async with stage(tmp_path, database_url, IMAGE, runbooks=runbooks, periods=periods) as on:
        incident = await opened(on)
        before = on.clock.now()
        ended = await on.until(step=60)
        assert ended.phase is Phase.ESCALATED
        assert (on.clock.now() - before).total_seconds() >= 600
        assert "nobody did within 10 min" in await said(on, incident)
        assert [pull["state"] for pull in await pulls(on)] == ["open"], "it stays for people"
