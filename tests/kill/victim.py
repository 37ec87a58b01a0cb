"""`midwatch serve` that kills itself (SIGKILL) at the first of its points that it comes to and nobody died at before.

A point is `before:NAME` or `after:NAME`. The product has no such hook: the functions of the graph's nodes, of the executor
and of the verification are wrapped from outside, before the graph is built.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from orchestrator import assembly
from orchestrator.executor import rehearsing, running
from orchestrator.executor.record import StoreBook
from orchestrator.nodes import argue, conclude, decide, plan, postmortem, run, specialist, supervise, triage, verify
from service.cli import main

Step = Callable[..., Awaitable[Any]]

PLACES = {
    "triage": (triage, "triage"),
    "supervise": (supervise, "supervise"),
    "specialist": (specialist, "work"),
    "diagnose": (argue, "diagnose"),
    "challenge": (argue, "challenge"),
    "plan": (plan, "plan"),
    "rehearse": (plan, "rehearse"),
    "preview": (rehearsing, "_answer"),
    "await_rehearsal": (plan, "await_rehearsal"),
    "govern": (decide, "govern"),
    "announce": (decide, "announce"),
    "await_decision": (decide, "await_decision"),
    "execute": (run, "execute"),
    "await_execution": (run, "await_execution"),
    "look": (running, "_objection"),
    "dispatch": (StoreBook, "dispatch"),
    "effect": (running, "_do"),
    "follow": (running, "_follow"),
    "settle": (StoreBook, "settle"),
    "verify": (verify, "verify"),
    "await_verification": (verify, "await_verification"),
    "measure": (assembly, "look"),
    "conclude": (conclude, "conclude"),
    "postmortem": (postmortem, "write"),
}
"""Name of a place -> the module that calls it by a name, and that name."""


def arm(points: list[str], folder: Path) -> None:
    """Wrap the functions of the points. A file named after a point, with the dead process's id, says that it was reached."""
    for point in points:
        when, name = point.split(":")
        module, attribute = PLACES[name]
        setattr(module, attribute, wrapped(getattr(module, attribute), when=when, flag=folder / point))


def wrapped(step: Step, *, when: str, flag: Path, only: Callable[[dict[str, Any]], bool] | None = None) -> Step:
    """The same function, in which the process dies once; `only` says by the named arguments which calls are meant."""

    @functools.wraps(step)
    async def stepped(*args: Any, **kwargs: Any) -> Any:
        meant = only is None or only(kwargs)
        if meant and when == "before":
            _die_once(flag)
        result = await step(*args, **kwargs)
        if meant and when == "after":
            _die_once(flag)
        return result

    return stepped


def _die_once(flag: Path) -> None:
    try:
        with flag.open("x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    arm(os.environ["KILL_AT"].split(","), Path(os.environ["KILL_FOLDER"]))
    main()
