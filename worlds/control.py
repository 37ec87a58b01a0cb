"""The control API of a world: its clock, a summary of its state. It tells whether something is wrong, never what."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from worlds.clock import HandClock
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


def router(estate: Estate, *, advance: Callable[[float], Awaitable[None]], stop: Callable[[], None]) -> APIRouter:
    """Return the routes under /world."""
    routes = APIRouter()

    @routes.get("/clock")
    async def clock() -> dict[str, str]:
        return {
            "now": estate.now().isoformat(),
            "clock": str(estate.clock) if not isinstance(estate.clock, HandClock) else "manual",
        }

    @routes.get("/state")
    async def state() -> WorldState:
        healed = estate.healed_since()
        return WorldState(
            scenario=estate.scenario.name,
            cluster=estate.scenario.estate.cluster,
            now=estate.now().isoformat(),
            active_faults=len(estate.active_faults()),
            healed_since=healed.isoformat() if healed else None,
            pods=estate.simulation.pod_counts(),
        )

    @routes.post("/advance")
    async def move(step: Step) -> dict[str, str]:
        if not isinstance(estate.clock, HandClock):
            raise HTTPException(
                409, "this world's clock runs by itself: start it with --clock manual to move it by hand"
            )
        await advance(step.seconds)
        return {"now": estate.now().isoformat()}

    @routes.post("/shutdown", status_code=202)
    async def shutdown() -> dict[str, str]:
        stop()
        return {"status": "stopping"}

    return routes
