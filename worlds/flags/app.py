"""The part of Unleash's admin API that tells what was switched and who asks for a flag."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException, Query
from starlette.types import ASGIApp

from worlds.estate.simulation import Simulation
from worlds.faults.flag_switched import FlagSwitched
from worlds.instances import Bound, endpoint
from worlds.objects.kinds import JsonObject
from worlds.sources import application

_DAY = re.compile(r"IS:(\d{4}-\d{2}-\d{2})")
_PROJECT = "default"


def app(world: Simulation, *, token: str) -> ASGIApp:
    """Return the application. Like Unleash, it takes the token alone in the header."""
    return Bound(_shared(), _Store(world, token=token))


@cache
def _shared() -> FastAPI:
    routes, may = application(), Depends(endpoint(_Store, _Store.may))
    for path, handler in (
        ("/api/admin/search/events", endpoint(_Store, _Store.events)),
        ("/api/admin/client-metrics/features/{flag}", endpoint(_Store, _Store.usage)),
    ):
        routes.add_api_route(path, handler, methods=["GET"], dependencies=[may])
    return routes


class _Store:
    """Events out of the scenario, as far as time has come."""

    def __init__(self, world: Simulation, *, token: str) -> None:
        self._world = world
        self._token = token

    async def may(self, authorization: Annotated[str, Header()] = "") -> None:
        """Raise 401 without the token."""
        if authorization != self._token:
            raise HTTPException(401, "You must log in to use Unleash.")

    async def events(
        self,
        start: Annotated[str, Query(alias="from")] = "",
        end: Annotated[str, Query(alias="to")] = "",
        offset: int = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    ) -> JsonObject:
        """GET /api/admin/search/events, newest first; days are whole."""
        first, last = _day(start), _day(end)
        kept = [
            event
            for event in self._switched()
            if (not first or event["createdAt"][:10] >= first) and (not last or event["createdAt"][:10] <= last)
        ]
        return {"events": kept[offset : offset + limit], "total": len(kept)}

    async def usage(self, flag: str) -> JsonObject:
        """GET /api/admin/client-metrics/features/FLAG."""
        asking = {key.partition("/")[2] for one in self._faults() if one.flag == flag for key in one.workloads()}
        if not asking:
            raise HTTPException(404, "Could not find feature")
        return {"version": 1, "maturity": "stable", "featureName": flag, "seenApplications": sorted(asking)}

    def _faults(self) -> Iterator[FlagSwitched]:
        scenario = self._world.scenario
        yield from (one for one in (*scenario.faults, *scenario.decoys) if isinstance(one, FlagSwitched))

    def _switched(self) -> Sequence[JsonObject]:
        moments: list[tuple[float, FlagSwitched, bool]] = []
        for one in self._faults():
            moments.append((self._world.at(one.at), one, one.enabled))
            if one.until is not None:
                moments.append((self._world.at(one.until), one, not one.enabled))
        moments.sort(key=lambda moment: (moment[0], moment[1].flag))
        told = [_event(number, *moment) for number, moment in enumerate(moments, 1)]
        return [event for event, (at, _, _) in zip(told, moments, strict=True) if at <= self._world.cluster.now][::-1]


def _event(number: int, at: float, one: FlagSwitched, on: bool) -> dict[str, Any]:  # noqa: FBT001 - a row of moments
    return {
        "id": number,
        "type": "feature-environment-enabled" if on else "feature-environment-disabled",
        "createdAt": datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "createdBy": one.author or "unknown",
        "environment": one.environment,
        "project": _PROJECT,
        "featureName": one.flag,
        "data": None,
        "preData": None,
        "tags": [],
    }


def _day(text: str) -> str:
    found = _DAY.fullmatch(text)
    if text and found is None:
        raise HTTPException(400, f"{text!r}: expected IS:yyyy-MM-dd")
    return found[1] if found else ""
