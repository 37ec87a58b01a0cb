"""What the containers of the fake nodes wrote: the current run and the one before it, as a container runtime keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

_KEPT_RUNS = 2


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of output."""

    at: datetime
    text: str


@dataclass(kw_only=True)
class Run:
    """One run of a container; it grows until it has ended."""

    lines: list[Line] = field(default_factory=list)
    ended: bool = False


@dataclass(frozen=True, kw_only=True)
class ContainerName:
    """Where a container is."""

    namespace: str
    pod: str
    container: str


class NoLogsError(Exception):
    """There is nothing to read, in the kubelet's words."""


class LogBook:
    """The runs of every container, by its place."""

    def __init__(self) -> None:
        self._runs: dict[ContainerName, list[Run]] = {}

    def begin(self, name: ContainerName) -> None:
        """A new run begins; only it and the one before it are kept."""
        runs = self._runs.setdefault(name, [])
        runs.append(Run())
        del runs[:-_KEPT_RUNS]

    def write(self, name: ContainerName, lines: Sequence[str], *, at: datetime) -> None:
        """Add lines to the current run."""
        self._runs[name][-1].lines.extend(Line(at=at, text=text) for text in lines)

    def end(self, name: ContainerName) -> None:
        """The current run has ended; harmless when there never was one."""
        for run in self._runs.get(name, [])[-1:]:
            run.ended = True

    def forget(self, namespace: str, pod: str) -> None:
        """The pod is gone, and its logs with it."""
        for name in [n for n in self._runs if (n.namespace, n.pod) == (namespace, pod)]:
            del self._runs[name]

    def read(self, name: ContainerName, *, previous: bool) -> Run:
        """The latest run, or with `previous` the latest that ended and was followed by another or by a back-off."""
        runs = self._runs.get(name, [])
        if previous:
            ended = [run for run in runs if run.ended]
            if not ended:
                raise NoLogsError(f'previous terminated container "{name.container}" in pod "{name.pod}" not found')
            return ended[-1]
        if not runs:
            raise NoLogsError(f'container "{name.container}" in pod "{name.pod}" is waiting to start')
        return runs[-1]
