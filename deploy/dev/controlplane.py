"""The Kubernetes control plane for the cluster suite: built once by tests/cluster/build.sh, which knows how."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import cache

BUILD = cache.CHECKOUT / "tests" / "cluster" / "build.sh"


def ensure() -> list[str]:
    """Build the control plane unless it is there; return a sentence if the cluster suite has to do without."""
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
