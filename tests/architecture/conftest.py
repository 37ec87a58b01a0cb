"""What the checks of the repository look at: tracked files as they are on disk, so that drafts disturb nobody."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("agents", "evals", "incidents", "orchestrator", "service", "tools", "worlds")


def _listed() -> list[Path]:
    git = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if git.returncode == 0 and git.stdout:
        return [ROOT / name for name in git.stdout.split("\0") if name]
    return [path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]


@pytest.fixture(scope="session")
def tracked() -> list[Path]:
    """Every tracked file; in an unpacked archive without git, every file."""
    return [path for path in _listed() if path.is_file() and "__pycache__" not in path.parts]


@pytest.fixture(scope="session")
def product(tracked: list[Path]) -> list[Path]:
    """Every tracked Python module of the product."""
    return [path for path in tracked if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in PACKAGES]


@pytest.fixture(scope="session")
def python(tracked: list[Path]) -> list[Path]:
    """Every tracked Python file, tests and scripts too."""
    return [path for path in tracked if path.suffix == ".py"]
