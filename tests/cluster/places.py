"""Where processes are killed between proposal and verification, by role, and the journal that says who worked when.

The product has no such hooks: functions are wrapped from outside, in a process that was forked for it.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator import decisions
from orchestrator.advance import Advancer
from orchestrator.executor import assembly as executor_assembly
from orchestrator.executor import running
from orchestrator.settings import Role
from service.web import api, health
from tests.kill.victim import PLACES, wrapped
from tools.kubernetes.client import KubernetesClient

HERE = PLACES | {
    "decide": (api, "decide"),
    "accept": (decisions, "_accept"),
    "request": (KubernetesClient, "patch"),
    "answer": (health, "switch_of"),
    "over": (running, "carry_out"),
    "run": (executor_assembly, "run"),
    "go_on": (Advancer, "_go_on"),
}
"""Name of a place -> the module or class that has it, and its name there."""
WORKS = {
    Role.WEB: ("answer",),
    Role.WORKER: ("go_on", "measure"),
    Role.EXECUTOR: ("run", "preview"),
}
"""Where a process begins to work on the incident, or goes on with it: a worker holds its lease there, a web process
answers that it is ready."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One moment at which a process of a role is killed."""

    role: Role
    name: str
    """`before:PLACE` or `after:PLACE`."""
    what: str
    """The moment, for people."""


def _points(role: Role, **moments: str) -> tuple[Point, ...]:
    named = ((key.split("_", maxsplit=1), what) for key, what in moments.items())
    return tuple(Point(role=role, name=f"{when}:{place}", what=what) for (when, place), what in named)


DOOR = _points(
    Role.WEB,
    before_decide="a click has arrived",
    after_accept="the decision is written, not committed",
    after_decide="the decision is committed, nobody was told",
)
WORKER = _points(
    Role.WORKER,
    after_govern="the proposal is sealed",
    before_announce="it is to be put before people",
    after_announce="it is before people",
    before_await_decision="it begins to wait for a decision",
    before_execute="the approved proposal is to be handed over",
    after_execute="it is handed to the executor",
    before_await_execution="it begins to wait for the execution",
    before_verify="the watch is to begin",
    after_verify="the watch has begun",
    before_measure="a measurement is due",
    after_measure="a measurement is written",
    before_await_verification="it begins to wait for the verdict",
    after_conclude="the incident is concluded",
    before_postmortem="the post-mortem is to be written",
    after_postmortem="the post-mortem is written",
)
EXECUTOR = _points(
    Role.EXECUTOR,
    before_look="the target is to be looked at",
    after_look="the target is as it was seen",
    before_dispatch="the gate is to be asked",
    after_dispatch="dispatched is committed",
    before_effect="the change is to be made",
    before_request="the change is to be sent",
    after_request="the API server has answered",
    before_follow="the rollout is to be followed",
    before_settle="the end is to be written",
    after_settle="the end is written",
    after_over="the action is over, its job is not",
)
POINTS = (*DOOR, *WORKER, *EXECUTOR)
"""In the order in which an incident passes them, for each role."""


def arm(points: Iterable[Point], folder: Path) -> None:
    """Let the process die at the first of these that it comes to and nobody died at before."""
    for point in points:
        when, place = point.name.split(":")
        module, attribute = HERE[place]
        only = _changes if place == "request" else None
        step = getattr(module, attribute)
        setattr(module, attribute, wrapped(step, when=when, flag=folder / point.name, only=only))


def keep_a_journal(path: Path, *, role: Role) -> None:
    """Write a line (wall clock, process id, role) whenever a process of this role works on the incident."""
    for place in WORKS[role]:
        module, attribute = HERE[place]
        setattr(module, attribute, _noted(getattr(module, attribute), path=path, role=role))


def _noted(step: Callable[..., Awaitable[Any]], *, path: Path, role: Role) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(step)
    async def noted(*args: Any, **kwargs: Any) -> Any:
        with path.open("a") as journal:
            journal.write(f"{time.time()} {os.getpid()} {role.value}\n")
        return await step(*args, **kwargs)

    return noted


def _changes(given: dict[str, Any]) -> bool:
    """Whether a patch is more than a dry run."""
    return not given.get("dry_run")
