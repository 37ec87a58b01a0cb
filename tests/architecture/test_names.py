"""`agents`, `tools` and `evals` are common names: in this environment they mean this repository, from wherever one asks."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("agents", "evals", "incidents", "orchestrator", "service", "tools", "worlds")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_test_imports_the_package_of_this_checkout(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin == str(ROOT / package / "__init__.py")


def test_an_installed_command_imports_the_packages_of_this_checkout_from_another_folder(tmp_path: Path) -> None:
    try:
        importlib.metadata.distribution("midwatch")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("midwatch is not installed in this environment; make test installs it")
    ask = f"import importlib.util as u; print(*[u.find_spec(name).origin for name in {PACKAGES}], sep='\\n')"
    answer = subprocess.run(
        [sys.executable, "-P", "-c", ask], cwd=tmp_path, env={}, capture_output=True, text=True, check=True, timeout=60
    )
    assert answer.stdout.split() == [str(ROOT / package / "__init__.py") for package in PACKAGES]


def test_no_dependency_brings_a_package_of_the_same_name() -> None:
    installed = importlib.metadata.packages_distributions()
    taken = {name: installed[name] for name in PACKAGES if set(installed.get(name, ())) - {"midwatch"}}
    assert taken == {}
