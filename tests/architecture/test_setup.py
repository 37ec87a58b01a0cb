"""`make setup` on machines that are not this one: the scripts under deploy/dev run against a pretended system.

The system is pretended by what is on the PATH: an apt-get that writes down how it was called, and no component.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / "deploy" / "dev"

APT_GET = """#!/bin/sh
echo "$* RUNLEVEL=$RUNLEVEL policy=$(sed -n 's/^exit //p' {policy})" >> {log}
case "$*" in {fails}) exit 100;; esac
"""
ENSURE = """
import pathlib, cache, debian
debian.POLICY = pathlib.Path({policy!r})
debian._privilege = lambda: ()
debian._fonts = lambda: True
cache.folder().mkdir(parents=True, exist_ok=True)
print(*debian.ensure(), sep="\\n")
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A PATH with a shell, a few tools and a recording apt-get; the file `log` holds its calls."""
    for tool in ("sh", "env", "sed", "chmod", "rm", "printf"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "/bin/false")
    pretend_apt_get(tmp_path)
    return tmp_path


def pretend_apt_get(machine: Path, *, fails: str = "nothing") -> None:
    """Write an apt-get that fails for calls that match the shell pattern."""
    apt_get = machine / "apt-get"
    apt_get.write_text(APT_GET.format(policy=machine / "policy-rc.d", log=machine / "log", fails=fails))
    apt_get.chmod(0o755)


def ensure(machine: Path, **environment: str) -> str:
    """Let set-up look after the Debian packages of the machine; what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", ENSURE.format(policy=str(machine / "policy-rc.d"))],
        env={"PATH": str(machine), "PYTHONPATH": str(DEV), "MIDWATCH_CACHE_DIR": str(machine / "cache"), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def calls(machine: Path) -> list[str]:
    """How apt-get was called so far."""
    log = machine / "log"
    return log.read_text().splitlines() if log.exists() else []


def test_missing_packages_are_installed_in_one_go_while_no_service_may_start(machine: Path) -> None:
    ensure(machine)
    update, install = calls(machine)
    assert update == "-qq update RUNLEVEL=1 policy=101"
    assert install.startswith("-qq install --yes --no-install-recommends prometheus prometheus-alertmanager chromium")
    assert install.endswith("RUNLEVEL=1 policy=101")
    assert not (machine / "policy-rc.d").exists()


def test_a_rule_of_the_system_about_service_starts_is_left_alone(machine: Path) -> None:
    (machine / "policy-rc.d").write_text("exit 104\n")
    ensure(machine)
    assert calls(machine)[-1].endswith("policy=104")
    assert (machine / "policy-rc.d").read_text() == "exit 104\n"


def test_what_stays_missing_is_named_with_its_suite(machine: Path) -> None:
    said = ensure(machine)
    assert "chromium is not installed: the suite browser will be skipped" in said
    assert "prometheus-alertmanager is not installed: the suite alertmanager will be skipped" in said


def test_what_could_not_be_installed_is_tried_again_only_when_asked_for(machine: Path) -> None:
    pretend_apt_get(machine, fails="*install*")
    ensure(machine)
    tried = len(calls(machine))
    ensure(machine)
    assert len(calls(machine)) == tried
    ensure(machine, MIDWATCH_SETUP_SYSTEM="1")
    assert len(calls(machine)) > tried


def test_one_package_that_is_not_to_be_had_does_not_keep_the_others_out(machine: Path) -> None:
    pretend_apt_get(machine, fails="*prometheus*chromium*")
    ensure(machine)
    assert [call.split()[4] for call in calls(machine)[2:]][:3] == ["prometheus", "prometheus-alertmanager", "chromium"]


@pytest.fixture
def where(tmp_path: Path) -> Callable[..., str]:
    """Where the environment of a copy of the scripts would be; `name` is the copy's folder."""

    def answer(name: str, *, lock: str = "a==1\n") -> str:
        checkout = tmp_path / name
        (checkout / "deploy").mkdir(parents=True, exist_ok=True)
        shutil.copytree(DEV, checkout / "deploy" / "dev", dirs_exist_ok=True)
        for file in ("requirements.lock", "requirements-dev.lock"):
            (checkout / file).write_text(lock)
        done = subprocess.run(
            [checkout / "deploy" / "dev" / "setup", "where"],
            env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, "XDG_CACHE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout

    return answer


def test_an_environment_is_never_shared_by_two_checkouts_or_two_locks(where: Callable[..., str]) -> None:
    first = where("one")
    assert where("one") == first
    assert len({first, where("two"), where("one", lock="a==2\n")}) == 3


def test_a_python_that_is_too_old_is_refused_by_name(tmp_path: Path) -> None:
    old = tmp_path / "python3.10"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        [DEV / "setup", "where"],
        env={"PATH": os.environ["PATH"], "PYTHON": str(old)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "not a working Python 3.11 or newer" in done.stderr


def test_without_any_python_a_person_is_told_what_to_do(tmp_path: Path) -> None:
    for tool in ("sh", "dirname", "cat"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or "/bin/false")
    done = subprocess.run(
        [DEV / "setup", "where"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert "apt-get install python3 python3-venv" in done.stderr
