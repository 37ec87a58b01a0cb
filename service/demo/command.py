"""Plays the demo: starts the world and Midwatch, tells the story, lets a person (headless: a token) decide."""

import asyncio
import signal
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

import evals
from incidents.incident import SETTLED, Phase
from incidents.proposal import ProposalStatus
from orchestrator.settings import Settings
from orchestrator.store.postmortems import postmortem_of
from orchestrator.store.proposals import proposal_of
from service.demo.estate import Keys, served, settings_for
from service.demo.outcome import Outcome, outcome_of
from service.demo.story import Teller, changes, first_incident
from service.logs import log_to_stderr
from service.ports import free_port, is_free
from service.process import Running, running
from tools.clock import ScaledClock
from worlds.scenario.load import load_scenario

REFERENCE = Path(evals.__file__).parent / "scenarios" / "bad-deploy" / "checkout-memory-limit.yaml"
LEAD_SECONDS = 4.0
"""Real seconds before the story's first minute: the world, the database and the console start in them."""
CUT_SHORT = 130
"""Exit code of a headless demo that a signal ended: as shells say it of Ctrl-C."""
LIMIT_SECONDS = 300.0
"""Real seconds after which a headless demo that did not end is a failure."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line asked for."""

    headless: bool = False
    to_proposal: bool = False
    """Stop when there is something to decide: for measuring."""
    json_file: Path | None = None
    scenario: Path | None = None
    rate: float = 10.0
    port: int = 8484


def demo_command(options: Options) -> int:
    """Play it. 0 when it ended verified, or when a person had seen enough; 130 when it was cut short."""
    console = Console(highlight=False)
    log_to_stderr("ERROR")
    if options.json_file is not None:  # what cannot be written is told before two minutes have passed
        options.json_file.parent.mkdir(parents=True, exist_ok=True)
        options.json_file.touch()
    try:
        outcome = asyncio.run(play(options, console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("ended")
        return CUT_SHORT if options.headless else 0
    if options.json_file is not None:
        options.json_file.write_text(outcome.model_dump_json(indent=2) + "\n", encoding="utf-8")
        console.print(f"written to {options.json_file}")
    return 0 if outcome.good else 1


async def play(options: Options, console: Console) -> Outcome:
    """From nothing to the end of the incident. Raises CancelledError when a signal ended it."""
    _on_signals(asyncio.current_task())
    path = options.scenario or REFERENCE
    clock = ScaledClock(
        epoch=load_scenario(path).now - timedelta(seconds=10), wall=time.time() + LEAD_SECONDS, rate=options.rate
    )
    port = options.port if options.port and is_free(options.port) else free_port()
    keys, webhook = Keys.fresh(), f"http://127.0.0.1:{port}/api/v1/alerts/alertmanager"
    with tempfile.TemporaryDirectory(prefix="mw-demo-") as folder:
        with console.status("starting the estate, the database and the console"):
            world = served(path, clock=str(clock), webhook=webhook, token=keys.webhook.get_secret_value())
            estate = await world.__aenter__()
        try:
            settings = settings_for(estate, folder=Path(folder), clock=str(clock), keys=keys, port=port)
            async with running(settings) as midwatch:
                watching = asyncio.create_task(_watch(midwatch, settings, options, console, keys))
                _on_signals(watching)
                await asyncio.wait({watching})
            return watching.result()
        finally:
            await world.__aexit__(None, None, None)


def _on_signals(task: asyncio.Task[Any] | None) -> None:
    """Have the task cancelled by Ctrl-C, or whoever ends the process: what was started is then ended in order."""
    if task is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)


async def _watch(midwatch: Running, settings: Settings, options: Options, console: Console, keys: Keys) -> Outcome:
    assert midwatch.web is not None
    _introduce(midwatch, settings, options, console)
    incident = await first_incident(midwatch.store)
    teller = Teller(console, midwatch.store, incident.id)
    try:
        async with asyncio.timeout(LIMIT_SECONDS if options.headless else None):
            async for _ in changes(midwatch.store):
                phase = await teller.catch_up()
                if phase is Phase.AWAITING_DECISION and options.to_proposal:
                    break
                if phase is Phase.AWAITING_DECISION and options.headless:
                    await _approve(midwatch, incident.id, keys)
                if phase in SETTLED and await _written(midwatch, incident.id):
                    break
    except TimeoutError:
        console.print(f"it did not end within {LIMIT_SECONDS:.0f} s", style="bold red")
    finally:
        teller.quiet()
    await teller.catch_up()
    outcome = await outcome_of(midwatch.store, incident.id, rate=options.rate)
    _conclude(midwatch, outcome, console)
    if not options.headless:
        console.print("The console stays open. Ctrl-C ends the demo.", style="dim")
        await asyncio.Event().wait()
    return outcome


def _introduce(midwatch: Running, settings: Settings, options: Options, console: Console) -> None:
    assert midwatch.web is not None
    person = settings.people[0].person
    console.print("[bold]Midwatch[/], the reference incident: 2:47 at night, checkout returns 5xx.")
    told = f"The demo's clock runs {options.rate:g} times as fast as yours. Times below are its own, UTC."
    console.print(told, style="dim")
    if not options.headless:
        console.print("Open the console, look, decide:")
        link = f"  {midwatch.web.base_url}{midwatch.web.sign_in_path(person)}"
        console.print(link, style="bold cyan", soft_wrap=True)
    console.print()


async def _approve(midwatch: Running, incident: str, keys: Keys) -> None:
    """Decide as the demo's on-call person through the public API, like anybody with a token."""
    assert midwatch.web is not None
    async with midwatch.store.transaction() as tx:
        stored = await proposal_of(tx, incident)  # type: ignore[arg-type] # ids are strings on the wire
    if stored is None or stored.status is not ProposalStatus.PENDING:
        return
    headers = {"authorization": f"Bearer {keys.person.get_secret_value()}"}
    url = f"{midwatch.web.base_url}/api/v1/proposals/{stored.proposal.digest}/decision"
    async with httpx.AsyncClient(headers=headers, timeout=10) as client:
        (await client.post(url, json={"choice": "approve", "reason": ""})).raise_for_status()


async def _written(midwatch: Running, incident: str) -> bool:
    async with midwatch.store.transaction() as tx:
        return await postmortem_of(tx, incident) is not None  # type: ignore[arg-type] # the same


def _conclude(midwatch: Running, outcome: Outcome, console: Console) -> None:
    assert midwatch.web is not None
    seconds = outcome.seconds
    style = "bold green" if outcome.good else "bold red"
    console.print()
    console.print(f"{outcome.phase}: {outcome.incident}", style=style)
    figures = [
        ("first summary", seconds.first_summary),
        ("proposal", seconds.proposal),
        ("verified", seconds.verified),
    ]
    told = ", ".join(f"{name} after {value:.1f} s" for name, value in figures if value is not None)
    console.print(f"real time since the alert: {told}", style="dim")
