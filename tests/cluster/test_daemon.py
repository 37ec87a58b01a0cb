"""Processes that the cluster tests start end with them, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster.daemon import Daemon, DaemonFailedError, free_ports
from tests.cluster.eventually import eventually

REPOSITORY = Path(__file__).resolve().parents[2]
ENV = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)}


def test_one_that_ends_too_early_is_reported_with_its_log(tmp_path: Path) -> None:
    daemon = Daemon("etcd", ["sh", "-c", "echo no disk; exit 4"], folder=tmp_path, env=ENV)
    with pytest.raises(DaemonFailedError, match=r"(?s)etcd ended \(4\) before health.*no disk"):
        daemon.wait_until(lambda: False, what="health", seconds=10)


def test_one_that_is_never_ready_is_reported_in_time(tmp_path: Path) -> None:
    daemon = Daemon("etcd", ["sleep", "60"], folder=tmp_path, env=ENV)
    with pytest.raises(DaemonFailedError, match="no health within 0 s"):
        daemon.wait_until(lambda: False, what="health", seconds=0.3)
    daemon.stop(grace_seconds=5)
    assert not daemon.running


def test_one_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    daemon = Daemon("stubborn", [sys.executable, "-c", stubborn], folder=tmp_path, env=ENV)
    daemon.wait_until(lambda: "up" in daemon.tail(), what="start", seconds=10)
    daemon.stop(grace_seconds=0.2)
    assert not daemon.running


def test_a_frozen_one_goes_on_where_it_was(tmp_path: Path) -> None:
    count = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done"
    daemon = Daemon("counter", ["sh", "-c", count], folder=tmp_path, env=ENV)
    daemon.wait_until(lambda: bool(daemon.tail()), what="a number", seconds=10)
    with daemon.frozen():
        time.sleep(0.1)
        before = daemon.tail()
        time.sleep(0.2)
        assert daemon.tail() == before
    daemon.wait_until(lambda: daemon.tail() != before, what="another number", seconds=10)
    daemon.stop(grace_seconds=5)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_all_of_them_end_when_the_tests_are_killed(tmp_path: Path) -> None:
    parent_code = (
        "import os, pathlib, sys, time\n"
        "from tests.cluster.daemon import Daemon\n"
        "print(Daemon('child', ['sleep', '60'], folder=pathlib.Path(sys.argv[1]), env=os.environ).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", parent_code, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENV, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        # `setpriv` asks for the signal just before it becomes the command itself.
        eventually(lambda: Path(f"/proc/{child}/comm").read_text().strip() == "sleep", what="the command runs")
        parent.send_signal(signal.SIGKILL)
    eventually(lambda: not _runs(child), what="the child has ended")


def test_free_ports_are_distinct_and_outside_of_the_range_of_clients() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert all(1024 < port < 32_768 for port in ports)


def _runs(pid: int) -> bool:
    """Whether the process is there and not merely waiting for somebody to take note of its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
