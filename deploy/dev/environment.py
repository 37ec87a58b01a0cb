"""The virtual environment: made by the standard library, filled from the hash-pinned locks, the checkout on its path.

uv is used when it is on the PATH, for speed only: the same locks, the same hashes, the same versions. What it cannot do
is done again by pip.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import cache
import debian
from cache import Stamp

if TYPE_CHECKING:
    from pathlib import Path


class CannotSetUpError(Exception):
    """Something that a person has to do first; the message says what."""


def ensure(*, dev: bool) -> Path:
    """Make the environment hold what run time needs, with `dev` also what tests and lint need; return its folder."""
    folder = cache.venv_folder()
    _ensure_created(folder)
    _ensure_locked(folder, lock=cache.RUNTIME_LOCK, covered=_stamp_of(folder, lock=cache.DEV_LOCK).is_current)
    if dev:
        _ensure_locked(folder, lock=cache.DEV_LOCK, covered=False)
    _ensure_project(folder)
    return folder


def _ensure_created(folder: Path) -> None:
    stamp = Stamp(folder / ".made-created", made_of=str(cache.CHECKOUT))
    if stamp.is_current:
        return
    print(f"Making a virtual environment with Python {sys.version.split()[0]} in {folder}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if importlib.util.find_spec("ensurepip") is None and not shutil.which("uv"):
        debian.install(["python3-venv"])
    if importlib.util.find_spec("ensurepip") is not None:
        _run(sys.executable, "-m", "venv", str(folder))
    elif uv := shutil.which("uv"):
        _run(uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(folder))
    else:
        raise CannotSetUpError(
            "This Python comes without pip for virtual environments. Install it (Debian: apt-get install python3-venv) "
            "or name another Python: make setup PYTHON=/path/to/python3"
        )
    stamp.write()


def _stamp_of(folder: Path, *, lock: Path) -> Stamp:
    return Stamp(folder / f".made-{lock.stem}", made_of=cache.digest(lock.read_bytes()))


def _ensure_locked(folder: Path, *, lock: Path, covered: bool) -> None:
    stamp = _stamp_of(folder, lock=lock)
    if stamp.is_current or covered:
        return
    print(f"Installing what {lock.name} pins, checking every hash", flush=True)
    # What is published as source is built by the setuptools that the lock pins, not by whatever is newest that day.
    builder = folder / "builder.txt"
    builder.write_text(_pin_of("setuptools", lock=lock))
    _install(folder, builder)
    _install(folder, lock, "--no-build-isolation")
    stamp.write()


def _pin_of(package: str, *, lock: Path) -> str:
    """The lines of one package in the lock: its version and its hashes."""
    found = re.search(rf"^{package}==\S.*?(?=^\S|\Z)", lock.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise CannotSetUpError(f"{lock.name} does not pin {package}. Write it into requirements.in and run: make lock")
    return found[0]


def _install(folder: Path, requirements: Path, *options: str) -> None:
    """Install exactly what the file names, by uv if it is there, else (or if it fails) by pip."""
    what = ("--quiet", "--require-hashes", *options, "--requirement", str(requirements))
    if uv := shutil.which("uv"):
        command = (uv, "pip", "install", "--python", str(folder / "bin" / "python"), *what)
        if subprocess.run(command, cwd=cache.CHECKOUT, check=False).returncode == 0:
            return
        print("uv could not, trying pip", flush=True)
    _run(*_pip(folder), "install", "--use-pep517", *what)


def _ensure_project(folder: Path) -> None:
    """Put the checkout on the environment's path (a .pth file) and make the `midwatch` command."""
    stamp = Stamp(folder / ".made-project", made_of=cache.digest(cache.PROJECT.read_bytes()))
    if stamp.is_current:
        return
    # hatchling comes out of the lock, so that nothing unpinned is fetched for the build.
    _run(
        *_pip(folder),
        *("install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--editable", str(cache.CHECKOUT)),
    )
    stamp.write()


def _pip(folder: Path) -> tuple[str, ...]:
    return (str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check")


def _run(*command: str) -> None:
    # A PYTHONPATH or an active environment of the caller must not leak into what is made here.
    ours = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    outside = {name: value for name, value in os.environ.items() if name not in ours}
    if subprocess.run(command, cwd=cache.CHECKOUT, env=outside, check=False).returncode != 0:
        raise CannotSetUpError(f"This failed, see above: {' '.join(command)}")
