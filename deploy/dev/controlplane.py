"""The control plane and Helm for the cluster suite: each built once, by a script in tests/cluster that knows how."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import cache

BUILD = cache.CHECKOUT / "tests" / "cluster" / "build.sh"
BUILD_HELM = cache.CHECKOUT / "tests" / "cluster" / "helm" / "build.sh"


def ensure() -> list[str]:
    """Build both unless they are there; return a sentence for what the cluster suite has to do without."""
    return _ensure_control_plane() or _ensure_helm()


def _ensure_helm() -> list[str]:
    if not BUILD_HELM.is_file() or os.environ.get("MIDWATCH_SETUP_CLUSTER") == "0" or shutil.which("go") is None:
        return []
    if subprocess.run((str(BUILD_HELM),), env=_known(), stdout=subprocess.DEVNULL, check=False).returncode != 0:
        return ["building Helm failed, see above: the chart's tests will be skipped"]
    return []


def _ensure_control_plane() -> list[str]:
    if os.environ.get("MIDWATCH_TEST_KUBECONFIG") or not BUILD.is_file() or _binaries().is_dir():
        return []
    if os.environ.get("MIDWATCH_SETUP_CLUSTER") == "0":
        return ["MIDWATCH_SETUP_CLUSTER=0: the suite cluster will be skipped"]
    if shutil.which("go") is None:
        return ["go is not installed: the suite cluster will be skipped (or set MIDWATCH_TEST_KUBECONFIG)"]
    if subprocess.run((str(BUILD),), env=_known(), stdout=subprocess.DEVNULL, check=False).returncode != 0:
        return ["building the control plane failed, see above: the suite cluster will be skipped"]
    return []


def _binaries() -> Path:
    where = subprocess.run((str(BUILD), "--where"), env=_known(), capture_output=True, text=True, check=True)
    return Path(where.stdout.strip())


def _known() -> dict[str, str]:
    return os.environ | {"MIDWATCH_CACHE_DIR": str(cache.folder())}
