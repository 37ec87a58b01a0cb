"""The shape of a specialist, and the desk it works at.

One folder `agents/<name>/` with `specialist.py` and its constant `SPECIALIST`.
"""

import importlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol, TypeVar

from incidents.casefile import Assignment, CaseFile, Report
from incidents.finding import AgentName, Gap, Topic
from incidents.value import Value
from tools.clock import Clock
from tools.estate import Cluster
from tools.probe import Observation, Probe

ArgsT = TypeVar("ArgsT", bound=Value)
ViewT = TypeVar("ViewT", bound=Value)


class Desk(Protocol):
    """What a specialist works with in one round.

    Every question goes through it: it redacts and keeps what was seen, counts the budget, notes what could not be seen.
    """

    cluster: Cluster
    clock: Clock
    agent: AgentName

    @property
    def observations(self) -> Sequence[Observation[Any]]:
        """What was seen at this desk so far, in order."""
        ...

    @property
    def gaps(self) -> Sequence[Gap]:
        """What could not be seen, and why."""
        ...

    async def observe(self, probe: Probe[ArgsT, ViewT], args: ArgsT) -> Observation[ViewT] | None:
        """Ask. None when it could not be seen; the desk has then noted the gap with its reason."""
        ...


class Specialist(Protocol):
    """One member of the team."""

    name: AgentName
    role: str
    """What a person in this role does, in a sentence: shown in the console."""
    topics: frozenset[Topic]
    """Questions that it answers."""

    async def work(self, assignment: Assignment, case: CaseFile, desk: Desk) -> Report:
        """Look at what the assignment says, read facts, report. Never raises for what the outside world does."""
        ...


SPECIALISTS = (AgentName.KUBERNETES, AgentName.CICD, AgentName.OBSERVABILITY, AgentName.COST)


@cache
def specialist(name: AgentName) -> Specialist:
    """One specialist. Raises ImportError for a name that has no folder."""
    found: Specialist = importlib.import_module(f"agents.{name.value}.specialist").SPECIALIST
    return found


def specialists() -> Mapping[AgentName, Specialist]:
    """The specialists by name."""
    return {name: specialist(name) for name in SPECIALISTS}
