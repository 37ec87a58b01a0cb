"""The control API of a world: its clock, a summary of its state. It tells whether something is wrong, never what."""

from collections.abc import Awaitable, Callable
from functools import cache

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp

from worlds.clock import HandClock
from worlds.instances import Bound, endpoint
from worlds.sources import application
from worlds.world import Estate


class Step(BaseModel):
    """How far to move a clock that is set by hand."""

    model_config = ConfigDict(extra="forbid")
    seconds: float = Field(gt=0, le=86400)


class WorldState(BaseModel):
    """What anybody may know about a world."""

    scenario: str
    cluster: str
    now: str
    active_faults: int
    healed_since: str | None
    pods: dict[str, int]


def app(estate: Estate, *, advance: Callable[[float], Awaitable[None]], stop: Callable[[], None]) -> ASGIApp:
    """Return the application under /world."""
    return Bound(_shared(), _Control(estate, advance=advance, stop=stop))


@cache
def _shared() -> FastAPI:
    routes = application()
    routes.add_api_route("/clock", endpoint(_Control, _Control.clock), methods=["GET"])
    routes.add_api_route("/state", endpoint(_Control, _Control.state), methods=["GET"])
    routes.add_api_route("/advance", endpoint(_Control, _Control.advance), methods=["POST"])
    routes.add_api_route("/shutdown", endpoint(_Control, _Control.shutdown), methods=["POST"], status_code=202)
    return routes


class _Control:
    """What can be asked of a world, and asked for."""

    def __init__(
        self, estate: Estate, *, advance: Callable[[float], Awaitable[None]], stop: Callable[[], None]
    ) -> None:
        self._estate = estate
        self._advance = advance
        self._stop = stop

    async def clock(self) -> dict[str, str]:
        """GET /clock: the world's time, and how it goes on."""
        clock = self._estate.clock
        return {
            "now": self._estate.now().isoformat(),
            "clock": str(clock) if not isinstance(clock, HandClock) else "manual",
        }

    async def state(self) -> WorldState:
        """GET /state."""
        estate = self._estate
        healed = estate.healed_since()
        return WorldState(
            scenario=estate.scenario.name,
            cluster=estate.scenario.estate.cluster,
            now=estate.now().isoformat(),
            active_faults=len(estate.active_faults()),
            healed_since=healed.isoformat() if healed else None,
            pods=estate.simulation.pod_counts(),
        )

    async def advance(self, step: Step) -> dict[str, str]:
        """POST /advance. Raises 409 where the clock runs by itself."""
        if not isinstance(self._estate.clock, HandClock):
            raise HTTPException(
                409, "this world's clock runs by itself: start it with --clock manual to move it by hand"
            )
        await self._advance(step.seconds)
        return {"now": self._estate.now().isoformat()}

    async def shutdown(self) -> dict[str, str]:
        """POST /shutdown."""
        self._stop()
        return {"status": "stopping"}
