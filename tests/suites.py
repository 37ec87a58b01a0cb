"""The named suites: what each needs, where that is looked for, and why it is missing. Looks only, starts nothing.

A suite is a pytest marker of the same name. A test file of such a suite carries `pytestmark = pytest.mark.<suite>`; root
conftest skips it when the component is missing (with CI=true: fails it), and the end of the run lists what was skipped.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

BUILD_CONTROL_PLANE = Path(__file__).parent / "cluster" / "build.sh"


class MissingComponent(Exception):  # noqa: N818 - reads as the state it reports
    """The component of a named suite is not on this machine; the message says what and what to install."""


def find_program(*names: str, package: str) -> Path:
    """The first of the programs that is on the PATH; Debian's `package` brings it."""
    for name in names:
        if found := shutil.which(name):
            return Path(found)
    raise MissingComponent(f"no {names[0]} on the PATH (Debian: apt-get install {package})")


def find_postgres() -> Path:
    """The folder of a PostgreSQL server's programs (initdb, pg_ctl, postgres), the newest that Debian installed first."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=_major_version)
    if installed:
        return installed[-1].parent
    return find_program("pg_ctl", package="postgresql").resolve().parent


def find_prometheus() -> Path:
    """Prometheus itself; promtool lies beside it."""
    return find_program("prometheus", package="prometheus")


def find_alertmanager() -> Path:
    """Alertmanager, under Debian's name or its own."""
    return find_program("prometheus-alertmanager", "alertmanager", package="prometheus-alertmanager")


def find_cluster() -> Path:
    """The kubeconfig that MIDWATCH_TEST_KUBECONFIG names, or the folder of the control plane's programs."""
    if own := os.environ.get("MIDWATCH_TEST_KUBECONFIG"):
        return Path(own)
    where = subprocess.run([BUILD_CONTROL_PLANE, "--where"], capture_output=True, text=True, check=False, timeout=30)
    binaries = Path(where.stdout.strip() or "/nonexistent")
    if where.returncode == 0 and binaries.is_dir():
        return binaries
    raise MissingComponent(
        "the control plane is not built (install go, then make setup; or set MIDWATCH_TEST_KUBECONFIG)"
    )


def find_browser() -> Path:
    """Chromium, for playwright's `executable_path`."""
    return find_program("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", package="chromium")


def find_kill() -> Path:
    """The Python that is started and killed: every POSIX system can."""
    if not hasattr(signal, "SIGKILL"):
        raise MissingComponent("this system has no SIGKILL")
    return find_program("python3", package="python3")


def _major_version(path: Path) -> int:
    version = path.parent.parent.name
    return int(version) if version.isdigit() else 0


SUITES: dict[str, Callable[[], Path]] = {
    "postgres": find_postgres,
    "prometheus": find_prometheus,
    "alertmanager": find_alertmanager,
    "cluster": find_cluster,
    "browser": find_browser,
    "kill": find_kill,
}


def require(suite: str) -> Path:
    """Where the suite's component is. Raises MissingComponent with the reason when it is nowhere."""
    return SUITES[suite]()
