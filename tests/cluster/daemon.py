"""One process of the control plane: started with a log file, watched while it starts, stopped by its own pid."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

_POLL_SECONDS = 0.1
_LOG_TAIL_CHARACTERS = 3000
# Below Linux's range for outgoing connections (32768 and up), so that no client's socket takes a port we just chose.
_PORTS = range(20_000, 32_000)


class DaemonFailedError(RuntimeError):
    """A process of the control plane ended or did not become ready; the end of its log follows."""


class Daemon:
    """A child process. Its standard output and error go to `<folder>/<name>.log`."""

    def __init__(self, name: str, command: Sequence[str | Path], *, folder: Path, env: Mapping[str, str]) -> None:
        """Start the process at once. It gets SIGTERM from the kernel should this process die without stopping it."""
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*_die_with_parent(), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=dict(env),
                # Ctrl-C in the terminal must not reach etcd before the API server has let go of it.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id, also after it has ended."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, what: str, seconds: float) -> None:
        """Wait until `ready()` holds; raise `DaemonFailedError` with the log's end when it ends or takes longer."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise DaemonFailedError(f"{self.name} ended ({self._process.returncode}) before {what}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise DaemonFailedError(f"{self.name}: no {what} within {seconds:.0f} s:\n{self.tail()}")
            time.sleep(_POLL_SECONDS)

    def tail(self) -> str:
        """The last characters of the log."""
        return self.log.read_text(errors="replace")[-_LOG_TAIL_CHARACTERS:]

    def stop(self, *, grace_seconds: float) -> None:
        """Ask it to end, wait, and kill it when it does not. Harmless when it has ended already."""
        if self.running:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_seconds)
        if self.running:
            self._process.kill()
        self._process.wait()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """While this lasts the process answers nobody, but its connections stay open: what timeouts are for."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Kill it without warning, as a crash would."""
        self._process.kill()
        self._process.wait()


def free_ports(count: int) -> list[int]:
    """Distinct loopback ports on which nothing listens now."""
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        for port in random.sample(_PORTS, len(_PORTS)):
            listener = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", port))
                ports.append(port)
            if len(ports) == count:
                return ports
    raise DaemonFailedError(f"fewer than {count} free ports between {_PORTS.start} and {_PORTS.stop}")


def _die_with_parent() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []
