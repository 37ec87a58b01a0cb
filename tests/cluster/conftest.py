"""The cluster that the tests of this folder share.

That is one control plane of our own per session; or, when `MIDWATCH_TEST_KUBECONFIG` names one, that cluster, and then
nothing is started. A test carries `pytest.mark.cluster`; root conftest skips it by name when there is neither.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.controlplane import ControlPlane
from tests.suites import MissingComponent, require


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with administrator rights. Boots in about 10 s, once."""
    try:
        where = require("cluster")
    except MissingComponent as missing:
        pytest.skip(f"cluster: {missing}")
    if "MIDWATCH_TEST_KUBECONFIG" in os.environ:
        yield Cluster(where)
        return
    own = ControlPlane(tmp_path_factory.mktemp("controlplane"), binaries=where)
    with own:
        yield own
    own.discard_data()


@pytest.fixture
def own_control_plane(control_plane: Cluster) -> ControlPlane:
    """The control plane where only our own will do: fake nodes that obey annotations, and an audit log."""
    if not isinstance(control_plane, ControlPlane):
        pytest.skip("cluster: needs the fake nodes and the audit log of our own control plane")
    return control_plane


@pytest.fixture
def namespace(control_plane: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own."""
    with control_plane.namespace("t") as name:
        yield name


@pytest.fixture
def service_account_kubeconfig(control_plane: Cluster, namespace: str, tmp_path: Path) -> Path:
    """A kubeconfig file of the namespace's default service account, which may do nothing yet."""
    return control_plane.service_account_kubeconfig(namespace, "default", path=tmp_path / "account.kubeconfig")
