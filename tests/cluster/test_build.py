"""The build script says clearly what is missing, and does nothing twice. Nothing is compiled here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

BUILD = Path(__file__).with_name("build.sh")
TOOLS = ("bash", "cat", "cut", "dirname", "env", "head", "mkdir", "mktemp", "rm", "sed", "sha256sum", "sort", "wc")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with what the script needs, without go."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found, tool
        (folder / tool).symlink_to(found)
    return folder


def build(tools: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": str(tools), "HOME": str(tools), "MIDWATCH_CACHE_DIR": str(tools.parent / "cache")}
    return subprocess.run([BUILD, *arguments], env=env, capture_output=True, text=True, timeout=30, check=False)


def pretend_go(tools: Path, version: str) -> None:
    """A go that knows its version and can do nothing else."""
    (tools / "go").write_text(f'#!/bin/sh\n[ "$1" = env ] && echo go{version} && exit 0\necho "go $1?" >&2\nexit 1\n')
    (tools / "go").chmod(0o755)


def test_without_go_it_says_what_to_install(tools: Path) -> None:
    answer = build(tools)
    assert answer.returncode == 1
    assert "go is not installed: install Go 1." in answer.stderr
    assert "MIDWATCH_TEST_KUBECONFIG" in answer.stderr


@pytest.mark.parametrize("version", ["1.21.5", "1.9", "1.23.12"])
def test_an_old_go_is_refused(tools: Path, version: str) -> None:
    pretend_go(tools, version)
    answer = build(tools)
    assert answer.returncode == 1
    assert f"go {version} is too old for Kubernetes 1." in answer.stderr


@pytest.mark.parametrize("version", ["1.24.0", "1.26.8"])
def test_a_go_that_fits_is_used_and_its_failure_leaves_nothing(tools: Path, version: str) -> None:
    pretend_go(tools, version)
    answer = build(tools)
    assert answer.returncode == 1
    assert "go list?" in answer.stderr
    assert "warning" not in answer.stderr
    assert not list((tools.parent / "cache" / "controlplane").glob(".building.*"))


def test_a_newer_go_is_tried_with_a_warning(tools: Path) -> None:
    pretend_go(tools, "1.27.3")
    assert "warning: go 1.27.3 is newer" in build(tools).stderr


def test_what_is_built_is_not_built_again(tools: Path) -> None:
    where = Path(build(tools, "--where").stdout.strip())
    assert where.is_relative_to(tools.parent / "cache" / "controlplane")
    where.mkdir(parents=True)
    (where / "kube-apiserver").touch(mode=0o755)
    answer = build(tools)
    assert (answer.returncode, answer.stdout.strip()) == (0, str(where))
    assert "already built" in answer.stderr


def test_an_argument_that_it_does_not_know_is_refused(tools: Path) -> None:
    answer = build(tools, "--force")
    assert answer.returncode == 1
    assert "usage: build.sh [--where]" in answer.stderr


def test_the_modules_of_kubernetes_are_all_of_one_release() -> None:
    module = (BUILD.parent / "gomod" / "go.mod").read_text().splitlines()
    (kubernetes,) = {line.split()[1] for line in module if line.split()[:1] == ["k8s.io/kubernetes"]}
    published = {line.split()[-1] for line in module if " => k8s.io/" in line}
    assert published == {kubernetes.replace("v1.", "v0.", 1)}
