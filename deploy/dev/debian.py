"""Debian's packages that the named test suites need: installed when that can be done without asking, named when not.

Their services are never started: the tests start their own servers on free loopback ports.
MIDWATCH_SETUP_SYSTEM=0 leaves the system alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cache
from cache import Stamp

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICY = Path("/usr/sbin/policy-rc.d")
INSTALL = ("install", "--yes", "--no-install-recommends")
DENY_ALL_STARTS = "#!/bin/sh\n# Written for the time of one installation by Midwatch's set-up.\nexit 101\n"


@dataclass(frozen=True, kw_only=True)
class Component:
    """A program of the system, the package it comes in and the suites that go without it."""

    package: str
    suites: str
    present: Callable[[], bool]
    services: tuple[str, ...] = ()


def _on_path(*programs: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(program) for program in programs)


def _postgres_server() -> bool:
    return any(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or shutil.which("postgres") is not None


def _fonts() -> bool:
    return any(Path("/usr/share/fonts").rglob("*.ttf")) or Path("/System/Library/Fonts").is_dir()


COMPONENTS = (
    Component(
        package="prometheus",
        suites="prometheus",
        present=_on_path("prometheus"),
        services=("prometheus", "prometheus-node-exporter"),
    ),
    Component(
        package="prometheus-alertmanager",
        suites="alertmanager",
        present=_on_path("prometheus-alertmanager", "alertmanager"),
        services=("prometheus-alertmanager",),
    ),
    Component(
        package="chromium",
        suites="browser",
        present=_on_path("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    ),
    Component(package="postgresql", suites="postgres", present=_postgres_server, services=("postgresql",)),
    Component(package="fonts-dejavu-core", suites="browser (readable screenshots)", present=_fonts),
)


def ensure() -> list[str]:
    """Install what is missing if that is possible unasked; return a sentence for each component that stays missing."""
    missing = [component for component in COMPONENTS if not component.present()]
    if missing:
        _try_to_install(missing)
    return [
        f"{component.package} is not installed: the suite {component.suites} will be skipped"
        for component in missing
        if not component.present()
    ]


def _try_to_install(missing: Sequence[Component]) -> None:
    packages = [component.package for component in missing]
    # What could not be installed once is not tried at every start; MIDWATCH_SETUP_SYSTEM=1 tries again.
    tried = Stamp(cache.folder() / "system-packages-tried", made_of=" ".join(packages))
    if tried.is_current and os.environ.get("MIDWATCH_SETUP_SYSTEM") != "1":
        return
    if install(packages):
        _disable([service for component in missing for service in component.services])
    tried.write()


def install(packages: Sequence[str]) -> bool:
    """Install Debian packages with nothing started. False when that is not possible here or one of them failed."""
    privilege = _privilege()
    if privilege is None:
        return False
    print(f"Installing Debian packages: {' '.join(packages)}", flush=True)
    with _no_service_starts(privilege):
        if not _apt_get(privilege, "update"):
            print("apt-get update failed, trying with the lists that are there", flush=True)
        # One package that a distribution lacks must not keep the others out.
        if _apt_get(privilege, *INSTALL, *packages):
            return True
        one_by_one = [_apt_get(privilege, *INSTALL, name) for name in packages]
        return all(one_by_one)


def _privilege() -> tuple[str, ...] | None:
    """What to put before a command that needs root; None when it cannot be had without asking or is not wanted."""
    if os.environ.get("MIDWATCH_SETUP_SYSTEM") == "0" or not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return ()
    sudo = shutil.which("sudo")
    if sudo and subprocess.run((sudo, "-n", "true"), capture_output=True, check=False).returncode == 0:
        return (sudo, "-n")
    return None


def _apt_get(privilege: tuple[str, ...], *arguments: str) -> bool:
    # `env` carries the variables across sudo. RUNLEVEL=1 is the older way to say that nothing is to be started.
    command = (*privilege, "env", "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "-qq", *arguments)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        print(done.stdout[-2000:], flush=True)
    return done.returncode == 0


@contextmanager
def _no_service_starts(privilege: tuple[str, ...]) -> Iterator[None]:
    """Deny service starts while packages are installed, unless the system has its own rule about that."""
    if POLICY.exists():
        yield
        return
    script = f"printf '%s' \"$1\" > {POLICY} && chmod 755 {POLICY}"
    subprocess.run((*privilege, "sh", "-c", script, "sh", DENY_ALL_STARTS), check=True)
    try:
        yield
    finally:
        subprocess.run((*privilege, "rm", "-f", str(POLICY)), check=True)


def _disable(services: Sequence[str]) -> None:
    """Keep what was just installed from starting at the next boot."""
    privilege = _privilege()
    if privilege is not None and services and Path("/run/systemd/system").is_dir():
        subprocess.run((*privilege, "systemctl", "disable", "--quiet", "--now", *services), check=False)
