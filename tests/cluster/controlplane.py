"""A real Kubernetes control plane on loopback: etcd, API server, controller manager, scheduler, and fake nodes.

It lives in one folder and leaves nothing outside of it. The binaries come from `build.sh`; what stands in for the
kubelet is `kubelet/`. Everything listens on 127.0.0.1 only.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import ssl
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

import httpx
import yaml

from tests.cluster.audit import AuditEvent, read_log, write_policy
from tests.cluster.cluster import Cluster, single_context
from tests.cluster.daemon import Daemon, DaemonFailedError, free_ports
from tests.cluster.pki import Authority, KeyPair, token_signing_key

_REPOSITORY = Path(__file__).resolve().parents[2]
_LOOPBACK = "127.0.0.1"
_SERVICES = "10.96.0.0/16"
_FIRST_SERVICE = "10.96.0.1"

# Generous: a loaded machine with two cores boots in four times the usual 12 s.
_START_SECONDS = 90.0
_CALL_SECONDS = 20.0
_GRACE_SECONDS = 10.0
_AUDIT_SECONDS = 30.0

# The audit log is only complete up to a request that we ourselves have seen in it.
_BARRIER = "audit-barrier-"


@dataclass(frozen=True, kw_only=True)
class NodeSpec:
    """A fake node: its name, what it can hold, and its labels."""

    name: str
    cpu: str = "16"
    memory: str = "64Gi"
    pods: str = "110"
    labels: Mapping[str, str] = field(default_factory=dict)


DEFAULT_NODES = (NodeSpec(name="node-1"), NodeSpec(name="node-2"))


class ControlPlane(Cluster):
    """A control plane of our own; `start()` it or use it as a context manager.

    `time_scale` shortens what a kubelet waits for: at 0.1 the back-off of 10 s after a crash lasts 1 s.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        binaries: Path,
        nodes: Sequence[NodeSpec] = DEFAULT_NODES,
        time_scale: float = 0.1,
    ) -> None:
        super().__init__(run_dir / "admin.kubeconfig")
        self.run_dir = run_dir
        self._binaries = binaries
        self._nodes = tuple(nodes)
        self._time_scale = time_scale
        self._daemons: list[Daemon] = []
        self._audit_log = run_dir / "audit.log"
        self._etcd_port, self._etcd_peer_port, self._api_port, self._kubelet_port = free_ports(4)

    @property
    def owned(self) -> bool:
        """Always: fake nodes and the audit log are there."""
        return True

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://{_LOOPBACK}:{self._api_port}"

    @property
    def pids(self) -> Mapping[str, int]:
        """The processes by component, in the order of their start."""
        return {daemon.name: daemon.pid for daemon in self._daemons}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything and return when a pod could be scheduled. Nothing is left running when this raises."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        self.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        pki = Authority(self.run_dir / "pki", name="midwatch-test")
        etcd = self._start_etcd()
        self._write_kubeconfig("admin", pki=pki, identity=pki.client("admin", group="system:masters"))
        etcd.wait_until(self._etcd_is_healthy, what="health", seconds=_START_SECONDS)
        api_server = self._start_api_server(pki)
        # Made while the API server starts: each is a key and a signature.
        manager_config = self._identity(pki, "system:kube-controller-manager")
        scheduler_config = self._identity(pki, "system:kube-scheduler")
        kubelet_config = self._write_kubelet_config(pki)
        probe = httpx.Client(base_url=self.server, verify=self._admin_tls(), timeout=_CALL_SECONDS)
        with probe:
            api_server.wait_until(lambda: _answers(probe, "/readyz"), what="readiness", seconds=_START_SECONDS)
            manager = self._start_controller_manager(manager_config)
            scheduler = self._start_scheduler(scheduler_config)
            kubelet = self._start_kubelet(kubelet_config)
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            manager.wait_until(lambda: _answers(probe, account), what="service account", seconds=_START_SECONDS)
            kubelet.wait_until(self._nodes_are_schedulable, what="ready nodes", seconds=_START_SECONDS)
            api_server.wait_until(lambda: _answers(probe, "/openapi/v2"), what="OpenAPI", seconds=_START_SECONDS)
        if not scheduler.running:
            raise DaemonFailedError(f"{scheduler.name} ended:\n{scheduler.tail()}")

    def component(self, name: str) -> Daemon:
        """A running process by its name (see `pids`), for tests that disturb it."""
        return next(daemon for daemon in self._daemons if daemon.name == name)

    def stop(self) -> None:
        """Stop everything, last started first: the API server ends cleanly only while etcd still answers."""
        while self._daemons:
            self._daemons[-1].stop(grace_seconds=_GRACE_SECONDS)
            self._daemons.pop()

    def discard_data(self) -> None:
        """Delete etcd's data and the keys, after `stop()`; the logs stay for who wants to know what happened."""
        for folder in ("etcd", "pki"):
            shutil.rmtree(self.run_dir / folder, ignore_errors=True)

    def audit_events(self, *, user: str | None = None, writes_only: bool = True) -> list[AuditEvent]:
        """What was asked of the API server up to now, oldest first; without the control plane's own requests."""
        self._await_audit_log()
        return [
            event
            for event in read_log(self._audit_log)
            if (user is None or event.user == user)
            and (event.writes or not writes_only)
            and not event.name.startswith(_BARRIER)
        ]

    def _await_audit_log(self) -> None:
        """Events are written just after their answer: send a request of our own and wait until it is there."""
        name = f"{_BARRIER}{uuid.uuid4().hex}"
        barrier = {"metadata": {"name": name}}
        self.core.create_namespaced_config_map("default", barrier, dry_run="All", _request_timeout=_CALL_SECONDS)
        deadline = time.monotonic() + _AUDIT_SECONDS
        while not any(event.name == name for event in read_log(self._audit_log)):
            if time.monotonic() > deadline:
                raise DaemonFailedError(f"the audit log did not show {name} within {_AUDIT_SECONDS:.0f} s")
            time.sleep(0.02)

    def _spawn(self, name: str, command: Sequence[str | Path]) -> Daemon:
        # A proxy from the environment has no business between processes of one machine.
        env = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        env["PYTHONPATH"] = str(_REPOSITORY)
        daemon = Daemon(name, command, folder=self.run_dir, env=env)
        self._daemons.append(daemon)
        return daemon

    def _start_etcd(self) -> Daemon:
        clients = f"http://{_LOOPBACK}:{self._etcd_port}"
        peers = f"http://{_LOOPBACK}:{self._etcd_peer_port}"
        return self._spawn(
            "etcd",
            [
                self._binaries / "etcd",
                f"--data-dir={self.run_dir / 'etcd'}",
                f"--listen-client-urls={clients}",
                f"--advertise-client-urls={clients}",
                f"--listen-peer-urls={peers}",
                f"--initial-advertise-peer-urls={peers}",
                f"--initial-cluster=default={peers}",
                "--log-level=warn",
                # The data is worth nothing after the tests, so that durability would be time lost.
                "--unsafe-no-fsync",
            ],
        )

    def _start_api_server(self, pki: Authority) -> Daemon:
        serving = pki.server(
            "kube-apiserver",
            addresses=(_LOOPBACK, _FIRST_SERVICE),
            names=("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"),
        )
        to_kubelets = pki.client("kube-apiserver-kubelet-client")
        tokens = token_signing_key(pki.folder)
        return self._spawn(
            "kube-apiserver",
            [
                self._binaries / "kube-apiserver",
                f"--etcd-servers=http://{_LOOPBACK}:{self._etcd_port}",
                f"--bind-address={_LOOPBACK}",
                f"--advertise-address={_LOOPBACK}",
                f"--secure-port={self._api_port}",
                f"--service-cluster-ip-range={_SERVICES}",
                # It would refuse to publish a loopback address as the endpoint of its own service.
                "--endpoint-reconciler-type=none",
                "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction",
                f"--client-ca-file={pki.certificate}",
                f"--tls-cert-file={serving.certificate}",
                f"--tls-private-key-file={serving.key}",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={tokens.certificate}",
                f"--service-account-signing-key-file={tokens.key}",
                "--kubelet-preferred-address-types=InternalIP",
                f"--kubelet-certificate-authority={pki.certificate}",
                f"--kubelet-client-certificate={to_kubelets.certificate}",
                f"--kubelet-client-key={to_kubelets.key}",
                f"--audit-policy-file={write_policy(self.run_dir / 'audit-policy.json')}",
                f"--audit-log-path={self._audit_log}",
                "--shutdown-delay-duration=0s",
                "--shutdown-send-retry-after=false",
            ],
        )

    def _start_controller_manager(self, kubeconfig: Path) -> Daemon:
        keys = self.run_dir / "pki"
        return self._spawn(
            "kube-controller-manager",
            [
                self._binaries / "kube-controller-manager",
                f"--kubeconfig={kubeconfig}",
                "--leader-elect=false",
                "--secure-port=0",
                "--use-service-account-credentials=true",
                f"--service-account-private-key-file={keys / 'service-account.key'}",
                f"--root-ca-file={keys / 'ca.crt'}",
            ],
        )

    def _start_scheduler(self, kubeconfig: Path) -> Daemon:
        return self._spawn(
            "kube-scheduler",
            [
                self._binaries / "kube-scheduler",
                f"--kubeconfig={kubeconfig}",
                "--leader-elect=false",
                "--secure-port=0",
            ],
        )

    def _start_kubelet(self, config: Path) -> Daemon:
        return self._spawn("kubelet", [sys.executable, "-m", "tests.cluster.kubelet", config])

    def _write_kubelet_config(self, pki: Authority) -> Path:
        serving = pki.server("kubelet", addresses=(_LOOPBACK,))
        nodes = []
        for spec in self._nodes:
            identity = pki.client(f"system:node:{spec.name}", group="system:nodes")
            nodes.append(asdict(spec) | {"certificate": str(identity.certificate), "key": str(identity.key)})
        config = {
            "server": self.server,
            "authority": str(pki.certificate),
            "serving_certificate": str(serving.certificate),
            "serving_key": str(serving.key),
            "port": self._kubelet_port,
            "time_scale": self._time_scale,
            "nodes": nodes,
        }
        path = self.run_dir / "kubelet.json"
        path.write_text(json.dumps(config))
        return path

    def _identity(self, pki: Authority, user: str) -> Path:
        return self._write_kubeconfig(user.removeprefix("system:"), pki=pki, identity=pki.client(user))

    def _write_kubeconfig(self, name: str, *, pki: Authority, identity: KeyPair) -> Path:
        kubeconfig = single_context(
            cluster={"server": self.server, "certificate-authority-data": _embedded(pki.certificate)},
            user={
                "client-certificate-data": _embedded(identity.certificate),
                "client-key-data": _embedded(identity.key),
            },
        )
        path = self.run_dir / f"{name}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(kubeconfig))
        return path

    def _admin_tls(self) -> ssl.SSLContext:
        keys = self.run_dir / "pki"
        context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        context.load_cert_chain(keys / "admin.crt", keys / "admin.key")
        return context

    def _etcd_is_healthy(self) -> bool:
        with httpx.Client(
            base_url=f"http://{_LOOPBACK}:{self._etcd_port}", timeout=_CALL_SECONDS, trust_env=False
        ) as c:
            return _answers(c, "/health")

    def _nodes_are_schedulable(self) -> bool:
        nodes = self.core.list_node(_request_timeout=_CALL_SECONDS).items
        return len(nodes) == len(self._nodes) and not any(node.spec.taints for node in nodes)


def _answers(probe: httpx.Client, path: str) -> bool:
    try:
        return probe.get(path).is_success
    except httpx.TransportError:
        return False


def _embedded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
