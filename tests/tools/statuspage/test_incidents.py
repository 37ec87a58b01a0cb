"""Status pages as providers publish them, scripted and from a served estate: what is open, what is over, who is silent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.observability.detectors import provider_status
from incidents.fact import Fact
from tests.agents.observability.seeing import facts, seen
from tests.tools.scripted_server import Said, scripted
from tools.clock import SystemClock
from tools.connect import connect
from tools.errors import NotConfiguredError
from tools.estate import Connections, Endpoint
from tools.statuspage.client import ProviderIncident
from tools.statuspage.probes.incidents import PROBE, IncidentsArgs, ProviderSaid, ProvidersView
from worlds.server import serve

NOON = datetime(2026, 11, 17, 12, tzinfo=UTC)
WINDOW = IncidentsArgs(start=NOON - timedelta(hours=1), end=NOON)
PAYING = """
title: A provider and its page
now: 2026-11-17T12:00:00Z
history: 20m
estate:
  workloads:
    - {name: pay, traffic: {rps: 5}, calls: [{to: cards}]}
    - name: cards
      kind: External
      host: api.cards.example
      status_page: true
      notices:
        - {at: -3h, until: -2h, name: Late reports, impact: minor}
        - {at: -9m, name: Errors, impact: major, body: We look into it.}
        - {at: 9m, name: Not yet}
truth: {healthy: true}
"""


def told(name: str, *, began: str, ended: str | None = None, impact: str = "major") -> dict[str, object]:
    update = {"body": "We look into it.", "affected_components": [{"name": "API"}]}
    return {
        "name": name,
        "impact": impact,
        "status": "resolved" if ended else "investigating",
        "created_at": began,
        "started_at": began,
        "resolved_at": ended,
        "incident_updates": [update],
    }


async def ask(pages: dict[str, str]) -> tuple[ProvidersView, str | None]:
    endpoints = {host: Endpoint(url=url) for host, url in pages.items()}
    async with connect(Connections(name="c", status_pages=endpoints), clock=SystemClock()) as cluster:
        observation = await PROBE.run(cluster, WINDOW)
    return observation.view, observation.evidence.cut


async def test_incidents_of_the_window_are_told_and_a_silent_page_takes_nothing_from_others() -> None:
    incidents = [
        told("Errors", began="2026-11-17T11:50:00.000Z"),
        told("Slow reports", began="2026-11-17T09:00:00Z", ended="2026-11-17T11:30:00Z"),
        told("Last week", began="2026-11-10T09:00:00Z", ended="2026-11-10T10:00:00Z"),
    ]
    async with (
        scripted(lambda _: Said({"page": {"id": "x"}, "incidents": incidents})) as fine,
        scripted(lambda _: Said({"error": "gone"}, status=410)) as gone,
    ):
        view, cut = await ask({"api.cards.example": fine.url, "api.maps.example": gone.url})
        assert fine.asked[0].path == "/api/v2/incidents.json"
    (said,) = view.providers
    assert said.provider == "c/-/external/api.cards.example"
    assert [(one.name, one.components) for one in said.incidents] == [("Errors", ("API",)), ("Slow reports", ("API",))]
    assert cut is not None
    assert "api.maps.example" in cut


async def test_without_pages_there_is_nobody_to_ask() -> None:
    with pytest.raises(NotConfiguredError, match="status_pages"):
        await ask({})


async def test_a_served_provider_tells_what_it_has_told_by_now(tmp_path: Path) -> None:
    path = tmp_path / "paying.yaml"
    path.write_text(PAYING)
    world = await serve(path)
    try:
        view, _ = await ask(dict(world.status_pages))
    finally:
        await world.stop()
    (said,) = view.providers
    assert [(one.name, one.impact, one.update) for one in said.incidents] == [("Errors", "major", "We look into it.")]


def incident(impact: str) -> list[Fact]:
    one = ProviderIncident(name="Errors", impact=impact, status="investigating", started=NOON, components=("API",))
    said = ProviderSaid(provider="prod/-/external/api.cards.example", incidents=(one,))  # type: ignore[arg-type]
    return facts(provider_status.DETECTOR, seen(ProvidersView(providers=(said,))))


@pytest.mark.parametrize("impact", ["none", "maintenance"])
def test_notes_and_planned_work_are_no_incident(impact: str) -> None:
    assert incident(impact) == []


def test_an_open_incident_is_told_about_the_provider() -> None:
    (fact,) = incident("major")
    assert (fact.kind, fact.entity, fact.at) == ("provider.incident", "prod/-/external/api.cards.example", NOON)
    assert 'major incident "Errors" (API), investigating' in fact.text
