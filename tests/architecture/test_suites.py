"""The rules that hold for every test run hold: skipped suites are named, in CI they fail, and nothing leaves the machine.

Each case is a small test file that a real pytest runs under a copy of the root conftest, with the programs hidden.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

Run = Callable[..., tuple[int, str]]

MARKED = """
import pytest
pytestmark = pytest.mark.browser
def test_clicks():
    assert True
"""
ASKING = """
def test_asks(require):
    assert require("prometheus").exists()
"""
SKIPPING_ITSELF = """
import pytest
@pytest.mark.kill
def test_gives_up():
    pytest.skip("not today")
"""
HARMLESS = "def test_adds(): assert 1 + 1 == 2"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run pytest over one test file, on a machine where no program is on the PATH: (exit code, what it printed)."""
    (tmp_path / "tests").mkdir()
    for name in ("conftest.py", "suites.py", "loopback.py"):
        shutil.copyfile(ROOT / "tests" / name, tmp_path / "tests" / name)
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")

    def pytest_says(text: str, *options: str, **environment: str) -> tuple[int, str]:
        (tmp_path / "tests" / "test_case.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options],
            cwd=tmp_path,
            env={"PATH": str(tmp_path), "HOME": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        return done.returncode, done.stdout + done.stderr

    return pytest_says


def test_a_missing_component_skips_its_suite_and_is_named_at_the_end(run: Run) -> None:
    code, said = run(MARKED)
    assert code == 0
    assert "SUITE SKIPPED: browser: no chromium on the PATH (Debian: apt-get install chromium)" in said
    assert said.rstrip().splitlines()[-1].strip("= ").startswith("1 skipped")


def test_it_is_named_also_when_another_process_skipped_it(run: Run) -> None:
    code, said = run(MARKED, "-n", "1", "--dist", "loadgroup")
    assert code == 0
    assert "SUITE SKIPPED: browser: no chromium" in said


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(MARKED, id="because its component is missing"),
        pytest.param(SKIPPING_ITSELF, id="because a test of it gave up by itself"),
    ],
)
def test_in_ci_a_skipped_suite_is_a_failure(run: Run, text: str) -> None:
    code, said = run(text, CI="true")
    assert code == 1
    assert "CI=true allows no skipped suite" in said


def test_a_component_can_be_asked_for_by_fixture(run: Run) -> None:
    code, said = run(ASKING)
    assert code == 0
    assert "no prometheus on the PATH" in said


def test_a_run_without_tests_fails(run: Run) -> None:
    code, _ = run("")
    assert code == 5


def test_a_warning_is_an_error(run: Run) -> None:
    code, said = run("import warnings\ndef test_warns():\n    warnings.warn('old')\n")
    assert code == 1
    assert "UserWarning: old" in said


def test_figures_are_given_by_suite(run: Run) -> None:
    code, said = run(HARMLESS)
    assert code == 0
    assert "by suite" in said


# 192.0.2.1 is an address that documentation may use and nobody has (RFC 5737).
LEAVING = """
import contextlib, httpx, socket

def test_a_connection():
    socket.create_connection(("192.0.2.1", 80), timeout=1)

def test_a_look_up():
    socket.getaddrinfo("example.org", 80)

def test_a_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"", ("192.0.2.1", 53))

async def test_an_asynchronous_client():
    async with httpx.AsyncClient() as client:
        await client.get("http://192.0.2.1/")

def test_a_swallowed_refusal():
    with contextlib.suppress(OSError):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
"""
STAYING = """
import asyncio

async def test_stays():
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "localhost", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    assert await reader.read() == b""
    writer.close()
    server.close()
"""


def test_whatever_leaves_the_machine_fails(run: Run) -> None:
    code, said = run(LEAVING, "-rN")
    assert code == 1
    # The swallowed refusal passes as a test and fails when the guard looks back.
    assert "4 failed, 1 passed, 5 errors" in said
    assert said.count("this test wanted to reach") >= LEAVING.count("def test_")


def test_loopback_is_reached_as_ever(run: Run) -> None:
    code, said = run(STAYING)
    assert code == 0, said


def test_credentials_and_settings_of_the_person_are_not_seen(run: Run) -> None:
    looks = "import os\ndef test_env():\n    assert {'OPENAI_API_KEY', 'MIDWATCH_MODEL', 'KUBECONFIG'}.isdisjoint(os.environ)\n"
    code, said = run(looks, OPENAI_API_KEY="secret", MIDWATCH_MODEL="openai:any", KUBECONFIG="/cluster")
    assert code == 0, said
