"""`midwatch serve` that kills itself (SIGKILL) at a named point, once: `before:NODE`, `after:NODE`, or a point of the executor.

The product has no such hook: the functions of the graph's nodes and of the executor are wrapped from outside, before the graph is built.
"""

import functools
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from orchestrator.executor import running
from orchestrator.nodes import argue, conclude, decide, plan, postmortem, run, specialist, supervise, triage, verify
from service.cli import main

Step = Callable[..., Awaitable[Any]]

NODES = {
    "triage": (triage, "triage"),
    "supervise": (supervise, "supervise"),
    "specialist": (specialist, "work"),
    "diagnose": (argue, "diagnose"),
    "challenge": (argue, "challenge"),
    "plan": (plan, "plan"),
    "rehearse": (plan, "rehearse"),
    "await_rehearsal": (plan, "await_rehearsal"),
    "govern": (decide, "govern"),
    "announce": (decide, "announce"),
    "await_decision": (decide, "await_decision"),
    "execute": (run, "execute"),
    "await_execution": (run, "await_execution"),
    "verify": (verify, "verify"),
    "await_verification": (verify, "await_verification"),
    "conclude": (conclude, "conclude"),
    "postmortem": (postmortem, "write"),
    "dispatch": (running, "_dispatch"),
    "effect": (running, "_do"),
    "follow": (running, "_follow"),
    "preview": (running, "_objection"),
}


def arm(point: str, flag: Path) -> None:
    """Wrap the function of the point."""
    when, name = point.split(":")
    module, attribute = NODES[name]
    setattr(module, attribute, _wrapped(getattr(module, attribute), when=when, flag=flag))


def _wrapped(step: Step, *, when: str, flag: Path) -> Step:
    @functools.wraps(step)
    async def stepped(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            _die_once(flag)
        result = await step(*args, **kwargs)
        if when == "after":
            _die_once(flag)
        return result

    return stepped


def _die_once(flag: Path) -> None:
    try:
        flag.touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    arm(os.environ["KILL_AT"], Path(os.environ["KILL_FLAG"]))
    main()
