"""The embedded server: comes back after it died, is not fooled by what the dead left, and works for anybody."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import text

from orchestrator.postgres import EmbeddedServer
from orchestrator.store.database import Store, libpq_url, sqlalchemy_url
from tests.orchestrator.servers import UNPRIVILEGED, short_folder

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(
            "postgresql://u:p%40ss@h:5433/d", "postgresql+psycopg://u:p%40ss@h:5433/d", id="over TCP, with a password"
        ),
        pytest.param("postgres://u@h/d", "postgresql+psycopg://u@h/d", id="the short scheme"),
        pytest.param(
            "postgresql://postgres@/d?host=/run/pg", "postgresql+psycopg://postgres@/d?host=%2Frun%2Fpg", id="a socket"
        ),
    ],
)
def test_one_address_for_both_libraries(url: str, expected: str) -> None:
    assert sqlalchemy_url(url) == expected
    assert libpq_url(url) == expected.replace("+psycopg", "")


@pytest.mark.kill
async def test_work_goes_on_after_the_server_was_killed() -> None:
    with short_folder() as folder:
        server = await asyncio.to_thread(EmbeddedServer, folder)
        async with Store(server.url, revive=server.revive) as store:
            async with store.transaction() as tx:
                await tx.execute(text("CREATE TABLE kept (n int)"))
                await tx.execute(text("INSERT INTO kept VALUES (7)"))
            postmaster = psutil.Process(int((folder / "pg" / "postmaster.pid").read_text().splitlines()[0]))
            postmaster.send_signal(signal.SIGKILL)
            psutil.wait_procs([postmaster], timeout=60)
            async with store.transaction() as tx:
                assert (await tx.execute(text("SELECT n FROM kept"))).scalar_one() == 7
        await asyncio.to_thread(server.release)


async def test_without_a_server_the_error_comes_after_some_tries() -> None:
    async with Store("postgresql://postgres@/postgres?host=/nonexistent") as store:
        with pytest.raises(Exception, match="connection") as caught:
            await store.transaction().__aenter__()
        assert "psycopg" in type(caught.value).__mro__[0].__module__ or "sqlalchemy" in type(caught.value).__module__


def test_what_the_dead_left_does_not_fool_it() -> None:
    """A pid file that names a living process which is no PostgreSQL, and handles of processes that are gone."""
    with short_folder() as folder:
        first = EmbeddedServer(folder)
        url, pid_file = first.url, folder / "pg" / "postmaster.pid"
        handles = folder / "pg" / ".handle_pids.json"
        left = pid_file.read_text().replace(pid_file.read_text().splitlines()[0], str(os.getpid()), 1)
        first.release()
        assert not pid_file.exists()
        pid_file.write_text(left)
        handles.write_text(json.dumps([2**22 - 1]))
        second = EmbeddedServer(folder)
        with psycopg.connect(second.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert json.loads(handles.read_text()) == [os.getpid()]
        assert second.url == url
        second.release()
        assert not pid_file.exists(), "the last one that let go stopped it"


def test_a_long_path_gets_a_short_socket() -> None:
    with short_folder() as folder:
        deep = folder / ("a" * 60) / ("b" * 60)
        server = EmbeddedServer(deep)
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        server.release()


def _open_to_all(path: Path) -> bool:
    """Whether everybody may read the path: some keep their Python in a home that is closed to others."""
    return all(one.stat().st_mode & stat.S_IXOTH for one in (path, *path.parents))


@pytest.mark.skipif(os.geteuid() != 0, reason="every other test shows it for an ordinary user already")
def test_an_ordinary_user_can_use_it() -> None:
    code = (
        "import sys; from pathlib import Path; from orchestrator.postgres import EmbeddedServer\n"
        "server = EmbeddedServer(Path(sys.argv[1])); print(server.url); server.release()"
    )
    if shut := [
        part for part in (Path(sys.executable), Path(sys.executable).resolve(), ROOT) if not _open_to_all(part)
    ]:
        pytest.skip(f"{UNPRIVILEGED} may not enter where {shut[0]} is")
    with short_folder() as folder:
        somebody = pwd.getpwnam(UNPRIVILEGED)
        os.chown(folder, somebody.pw_uid, somebody.pw_gid)
        ran = subprocess.run(
            [sys.executable, "-c", code, str(folder / "data")],
            user=UNPRIVILEGED,
            group=somebody.pw_gid,
            extra_groups=(),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stderr
        assert str(folder) in ran.stdout
