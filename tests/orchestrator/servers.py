"""PostgreSQL servers for tests: the embedded one, and Debian's in a folder of its own. Both are stopped at the end."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg

from orchestrator.postgres import EmbeddedServer
from orchestrator.store.migrate import migrate
from tests.suites import require

UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root; Debian has this user everywhere."""
TEMPLATE = "midwatch_template"
NUMBERS = itertools.count()


@contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a unix socket's name."""
    folder = Path(tempfile.mkdtemp(prefix="mw"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def embedded_server() -> Iterator[str]:
    """URL of a fresh embedded server."""
    with short_folder() as folder:
        server = EmbeddedServer(folder)
        try:
            yield server.url
        finally:
            server.release()


@contextmanager
def debian_server() -> Iterator[str]:
    """URL of a fresh server of Debian's PostgreSQL, on a unix socket only."""
    programs = require("postgres")
    with short_folder() as folder:
        data = folder / "data"
        user: dict[str, str] = {}
        if os.geteuid() == 0:
            user = {"user": UNPRIVILEGED}
            shutil.chown(folder, UNPRIVILEGED)
        initdb = [programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=utf8", "--no-sync"]
        subprocess.run(initdb, check=True, capture_output=True, timeout=60, **user)
        options = f"-h '' -k {folder} -c fsync=off"
        start = [programs / "pg_ctl", "-w", "-D", data, "-o", options, "-l", folder / "log", "start"]
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL, timeout=60, **user)
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            stop = [programs / "pg_ctl", "-w", "-D", data, "-m", "immediate", "stop"]
            subprocess.run(stop, check=True, capture_output=True, timeout=60, **user)


@contextmanager
def database(server: str, name: str, *, template: str = "template1") -> Iterator[str]:
    """URL of a database of its own on the server, dropped at the end."""
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        try:
            yield server.replace("/postgres?", f"/{name}?")
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextmanager
def migrated(server: AbstractContextManager[str]) -> Iterator[str]:
    """URL of the server, with a migrated database in it of which tests get copies."""
    with server as url, database(url, TEMPLATE) as template:
        asyncio.run(migrate(template))
        yield url


def a_copy(server: str) -> AbstractContextManager[str]:
    """URL of a migrated database of one's own, on such a server."""
    return database(server, f"test_{next(NUMBERS)}", template=TEMPLATE)
