"""Where everything lives that is made and not written: the cache folder outside the checkout, and what is in it.

Nothing here makes anything. Names are derived from what they are made of, so that two checkouts, two Pythons or two
versions of the lock never share a folder, and what is there is known to be right without looking inside.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parents[2]
RUNTIME_LOCK = CHECKOUT / "requirements.lock"
DEV_LOCK = CHECKOUT / "requirements-dev.lock"
PROJECT = CHECKOUT / "pyproject.toml"


def folder() -> Path:
    """The cache folder: MIDWATCH_CACHE_DIR, or the user's cache folder by the XDG convention."""
    if own := os.environ.get("MIDWATCH_CACHE_DIR"):
        return Path(own).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "midwatch"


def digest(*parts: str | bytes) -> str:
    """A short name for content: 16 hexadecimal digits of SHA-256 over the parts, each with its length."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "big") + data)
    return sha.hexdigest()[:16]


def python_identity() -> str:
    """What a virtual environment depends on in the Python that made it: version and where it is installed."""
    return f"{sys.implementation.name} {sys.version} {os.path.realpath(sys.base_prefix)}"


def venv_folder() -> Path:
    """The virtual environment of this checkout, this Python and this lock."""
    key = digest(RUNTIME_LOCK.read_bytes(), DEV_LOCK.read_bytes(), python_identity(), str(CHECKOUT))
    return folder() / "venvs" / key


@contextmanager
def only_one() -> Iterator[None]:
    """Hold the cache folder's lock, so that two set-ups at once wait for each other."""
    folder().mkdir(parents=True, exist_ok=True)
    with (folder() / "setup.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class Stamp:
    """A file that says: this was done, from exactly this. Written last, so that what was interrupted is done again."""

    def __init__(self, path: Path, *, made_of: str) -> None:
        self._path = path
        self._made_of = made_of

    @property
    def is_current(self) -> bool:
        """Whether the thing is done and was made of the same."""
        return self._path.is_file() and self._path.read_text() == self._made_of

    def write(self) -> None:
        """Say that it is done."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(self._made_of)
