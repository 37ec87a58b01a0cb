"""What is shipped: the built wheel holds every tracked file of the packages, data too, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("agents", "evals", "incidents", "orchestrator", "policy", "runbooks", "service", "tools", "worlds")


@pytest.fixture(scope="module")
def wheel(tracked: list[Path], tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built from a copy of the tracked files."""
    folder = tmp_path_factory.mktemp("source")
    for path in tracked:
        relative = path.relative_to(ROOT)
        if relative.parts[0] in SHIPPED or len(relative.parts) == 1:
            (folder / relative).parent.mkdir(parents=True, exist_ok=True)
            (folder / relative).write_bytes(path.read_bytes())
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel"],
        cwd=folder,
        capture_output=True,
        check=True,
        timeout=100,
    )
    return zipfile.ZipFile(next((folder / "dist").glob("midwatch-*.whl")))


def test_every_file_of_the_packages_is_shipped(wheel: zipfile.ZipFile, tracked: list[Path]) -> None:
    ours = {str(path.relative_to(ROOT)) for path in tracked if path.relative_to(ROOT).parts[0] in SHIPPED}
    assert ours - set(wheel.namelist()) == set()


def test_nothing_else_is_shipped(wheel: zipfile.ZipFile) -> None:
    assert {name.split("/")[0] for name in wheel.namelist()} - set(SHIPPED) == {"midwatch-0.1.0.dist-info"}


def test_the_command_is_declared(wheel: zipfile.ZipFile) -> None:
    assert "midwatch = service.cli:main" in wheel.read("midwatch-0.1.0.dist-info/entry_points.txt").decode()
