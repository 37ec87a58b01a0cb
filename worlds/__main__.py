"""`python -m worlds SCENARIO`: serve a world until SIGTERM. When ready, one JSON line tells URLs and tokens."""

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from worlds.clock import WorldClock, read_clock
from worlds.scenario.load import ScenarioError, load_scenario
from worlds.scenario.scenario import Scenario
from worlds.server import serve


def main() -> int:
    """Read the arguments and serve. Returns 2 when the scenario cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m worlds", description="Serve a world from a scenario file.")
    parser.add_argument("scenario", type=Path)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument(
        "--clock", default="", help="EPOCH@WALL*RATE, or manual; empty: real speed from the scenario's now"
    )
    parser.add_argument("--webhook", default="", help="where alerts are posted to")
    parser.add_argument("--webhook-token", default="", help="bearer token for the webhook")
    arguments = parser.parse_args()
    try:
        scenario = load_scenario(arguments.scenario)
        clock = read_clock(arguments.clock, epoch=scenario.now)
    except (ScenarioError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    asyncio.run(_serve(arguments, scenario, clock))
    return 0


async def _serve(arguments: argparse.Namespace, scenario: Scenario, clock: WorldClock) -> None:
    world = await serve(
        arguments.scenario,
        clock=clock,
        port=arguments.port,
        webhook_url=arguments.webhook,
        webhook_token=arguments.webhook_token,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, world.stopping.set)
    ready = {
        "urls": world.urls,
        "tokens": world.tokens,
        "cluster": scenario.estate.cluster,
        "scenario": scenario.name,
        "now": world.estate.now().isoformat(),
    }
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    await world.stopping.wait()
    await world.stop()


if __name__ == "__main__":
    sys.exit(main())
