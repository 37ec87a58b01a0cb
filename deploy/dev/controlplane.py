"""The Kubernetes control plane for the cluster suite: built once by tests/cluster/build.sh, which knows how and where."""

from __future__ import annotations

import os
import shutil
import subprocess

import cache

BUILD = cache.CHECKOUT / "tests" / "cluster" / "build.sh"


def ensure() -> list[str]:
    """Build the control plane unless it is there; return a sentence if the cluster suite has to do without."""
    if os.environ.get("MIDWATCH_TEST_KUBECONFIG") or not BUILD.is_file():
        return []
    if os.environ.get("MIDWATCH_SETUP_CLUSTER") == "0":
        return ["MIDWATCH_SETUP_CLUSTER=0: the suite cluster will be skipped unless the control plane was built before"]
    if shutil.which("go") is None:
        return ["go is not installed: the suite cluster will be skipped (or set MIDWATCH_TEST_KUBECONFIG)"]
    known = os.environ | {"MIDWATCH_CACHE_DIR": str(cache.folder())}
    if subprocess.run((str(BUILD),), cwd=cache.CHECKOUT, env=known, check=False).returncode != 0:
        return ["building the control plane failed, see above: the suite cluster will be skipped"]
    return []
