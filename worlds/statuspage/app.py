"""The public API of Statuspage, version 2, for every provider outside that has a page."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache

from fastapi import FastAPI, HTTPException
from starlette.types import ASGIApp

from worlds.estate.manifests import dns_name
from worlds.estate.simulation import Simulation
from worlds.instances import Bound, endpoint
from worlds.objects.kinds import JsonObject
from worlds.scenario.estate import Estate
from worlds.scenario.workload import Notice, Workload
from worlds.sources import application

_INDICATORS = {"none": "All Systems Operational", "minor": "Minor Service Outage", "major": "Partial System Outage"}


def addresses(estate: Estate, *, base: str) -> Mapping[str, str]:
    """Return where the page of each provider is, by the provider's host."""
    return {dns_name(one): f"{base}/{one.name}" for one in _providers(estate)}


def _providers(estate: Estate) -> Iterator[Workload]:
    yield from (one for one in estate.workloads if one.status_page)


def app(world: Simulation) -> ASGIApp:
    """Return the application of all pages."""
    return Bound(_shared(), _Pages(world))


@cache
def _shared() -> FastAPI:
    routes = application()
    for path, handler in (
        ("/{provider}/api/v2/incidents.json", endpoint(_Pages, _Pages.incidents)),
        ("/{provider}/api/v2/summary.json", endpoint(_Pages, _Pages.summary)),
    ):
        routes.add_api_route(path, handler, methods=["GET"])
    return routes


class _Pages:
    def __init__(self, world: Simulation) -> None:
        self._world = world
        self._providers = {one.name: one for one in _providers(world.scenario.estate)}

    async def incidents(self, provider: str) -> JsonObject:
        """GET /api/v2/incidents.json, newest first, resolved ones too."""
        one = self._of(provider)
        return {"page": self._page(one), "incidents": self._told(one)}

    async def summary(self, provider: str) -> JsonObject:
        """GET /api/v2/summary.json: unresolved incidents only."""
        one = self._of(provider)
        unresolved = [told for told in self._told(one) if told["resolved_at"] is None]
        worst = next((told["impact"] for told in unresolved), "none")
        status = {"indicator": worst, "description": _INDICATORS.get(worst, "Major Service Outage")}
        return {"page": self._page(one), "status": status, "components": [], "incidents": unresolved}

    def _of(self, provider: str) -> Workload:
        if provider not in self._providers:
            raise HTTPException(404, "no such page")
        return self._providers[provider]

    def _page(self, one: Workload) -> JsonObject:
        return {"id": one.name, "name": one.name, "url": f"https://status.{dns_name(one)}", "updated_at": self._now()}

    def _now(self) -> str:
        return _stamp(self._world.cluster.now)

    def _told(self, one: Workload) -> list[JsonObject]:
        now = self._world.cluster.now
        begun = [notice for notice in one.notices if self._world.at(notice.at) <= now]
        begun.sort(key=lambda notice: -notice.at)
        return [self._incident(one, notice, now) for notice in begun]

    def _incident(self, one: Workload, notice: Notice, now: float) -> JsonObject:
        started = _stamp(self._world.at(notice.at))
        over = notice.until is not None and self._world.at(notice.until) <= now
        ended = _stamp(self._world.at(notice.until)) if over and notice.until is not None else None
        status = "resolved" if over else "investigating"
        number = f"{one.name}-{int(self._world.at(notice.at))}"
        update = {"id": f"{number}-1", "status": status, "body": notice.body, "created_at": started}
        return {
            "id": number,
            "name": notice.name,
            "status": status,
            "impact": notice.impact,
            "created_at": started,
            "started_at": started,
            "updated_at": ended or started,
            "monitoring_at": None,
            "resolved_at": ended,
            "shortlink": f"https://stspg.example/{number}",
            "components": [],
            "incident_updates": [update],
        }


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
