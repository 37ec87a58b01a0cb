"""The floors of the house hold, and the linter that holds them bites: each contract is broken on purpose, in a copy."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Where the offence stands, what it says, and what the linter must say about it.
OFFENCES = {
    "a lower floor imports a higher one": (
        "incidents/offence_upwards.py",
        "import orchestrator.offended\n",
        "incidents.offence_upwards -> orchestrator.offended",
    ),
    "tools knows worlds": (
        "tools/offence_sideways.py",
        "import worlds.offended\n",
        "tools.offence_sideways -> worlds.offended",
    ),
    "worlds knows tools": (
        "worlds/offence_sideways.py",
        "import tools.offended.client\n",
        "worlds.offence_sideways -> tools.offended.client",
    ),
    "an agent reaches for an action": (
        "agents/offence_acting.py",
        "from tools.offended.actions.demolish import ACTION\n",
        "agents.offence_acting -> tools.offended.actions.demolish",
    ),
    "the service reaches for an action": (
        "service/offence_acting.py",
        "from tools.offended.actions.demolish import ACTION\n",
        "service.offence_acting -> tools.offended.actions.demolish",
    ),
    "an incident opens files": (
        "incidents/offence_reading.py",
        "import pathlib\n",
        "incidents.offence_reading -> pathlib",
    ),
    "an incident waits": ("incidents/offence_waiting.py", "import asyncio\n", "incidents.offence_waiting -> asyncio"),
    "Kubernetes' library outside its client": (
        "agents/offence_client.py",
        "import kubernetes\n",
        "agents.offence_client:1 imports kubernetes",
    ),
    "the database outside the orchestrator": (
        "service/offence_database.py",
        "import sqlmodel\n",
        "service.offence_database:1 imports sqlmodel",
    ),
    "Slack's library in an agent": (
        "agents/offence_slack.py",
        "import slack_sdk\n",
        "agents.offence_slack:1 imports slack_sdk",
    ),
    "a web framework in the orchestrator": (
        "orchestrator/offence_web.py",
        "import fastapi\n",
        "orchestrator.offence_web:1 imports fastapi",
    ),
    "a library that nobody owns": (
        "orchestrator/offence_unknown.py",
        "import left_pad\n",
        "orchestrator.offence_unknown:1 imports left_pad",
    ),
}
OFFENDED = (
    "orchestrator/offended.py",
    "worlds/offended.py",
    "tools/offended/client.py",
    "tools/offended/actions/demolish.py",
)


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter as `make lint` does."""
    return subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env={"PATH": "", "COLUMNS": "300", "PYTHONPATH": str(folder)},
    )


def put(folder: Path, name: str, text: str) -> None:
    """Write a module, and make packages of the folders on the way to it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    for parent in path.relative_to(folder).parents[:-1]:
        (folder / parent / "__init__.py").touch()
    path.write_text(text)


@pytest.fixture(scope="module")
def copy(tracked: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tracked Python files and the contracts, where they may be spoilt."""
    folder = tmp_path_factory.mktemp("house")
    for path in tracked:
        if path.suffix == ".py" or path.name == "pyproject.toml":
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return folder


@pytest.fixture(scope="module")
def clean(copy: Path) -> subprocess.CompletedProcess[str]:
    """What the linter says of the repository as it is."""
    return lint(copy)


@pytest.fixture(scope="module")
def spoilt(copy: Path, clean: subprocess.CompletedProcess[str]) -> str:
    """What the linter says when every contract is broken at once, which none of these was before."""
    for name in OFFENDED:
        put(copy, name, '"""What is offended."""\n\nACTION = None\n')
    for name, text, _ in OFFENCES.values():
        put(copy, name, text)
    after = lint(copy)
    assert after.returncode == 1, after.stdout + after.stderr
    assert "offence" not in clean.stdout
    return after.stdout


def test_every_contract_is_kept_by_the_repository(clean: subprocess.CompletedProcess[str]) -> None:
    assert clean.returncode == 0, clean.stdout + clean.stderr


@pytest.mark.parametrize("offence", OFFENCES)
def test_the_linter_finds(offence: str, spoilt: str) -> None:
    _, _, complaint = OFFENCES[offence]
    assert complaint in spoilt
