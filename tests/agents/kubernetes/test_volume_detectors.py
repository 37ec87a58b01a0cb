"""Facts about volumes, configuration and certificates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agents.kubernetes.detectors import certificates, claims, config_refs, mounts
from incidents.entity import EntityKind
from tests.agents.kubernetes.estate import (
    CLUSTER,
    NOW,
    ONSET,
    at,
    check,
    detect,
    entity,
    event,
    events,
    pod,
    pods,
    seen,
)
from tools.kubernetes.config_ref import ConfigObject, ConfigRef, ConfigRefs
from tools.kubernetes.document import Document
from tools.kubernetes.log import ContainerLog, LogLine, Logs
from tools.kubernetes.metadata import read_meta
from tools.kubernetes.volume import PersistentVolume, StorageClass, Volumes, read_claim, read_volume

FAST = StorageClass(name="fast", provisioner="ebs.csi.aws.com", default=True)
LATE = FAST.model_copy(update={"name": "late", "binding_mode": "WaitForFirstConsumer"})
STATIC = StorageClass(name="static", provisioner="kubernetes.io/no-provisioner")


def claim(
    storage_class: str | None = "fast",
    *,
    phase: str = "Pending",
    created: float = 0,
    classes: tuple[StorageClass, ...] = (FAST, LATE, STATIC),
    volumes: tuple[PersistentVolume, ...] = (),
    mode: str = "ReadWriteOnce",
) -> Any:
    spec: dict[str, Any] = {"resources": {"requests": {"storage": "10Gi"}}, "accessModes": [mode], "volumeName": "pv-1"}
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    body = {"metadata": {"name": "data", "namespace": "shop", "creationTimestamp": at(created)}, "spec": spec, "status": {"phase": phase}}  # fmt: skip
    found = read_claim(Document(body), cluster=CLUSTER)  # type: ignore[arg-type]
    return seen(Volumes(claims=(found,), volumes=volumes, classes=classes))


def free(size: str, mode: str = "ReadWriteOnce") -> PersistentVolume:
    body = {
        "metadata": {"name": "pv-9"}, "status": {"phase": "Available"},
        "spec": {"storageClassName": "static", "capacity": {"storage": size}, "accessModes": [mode]},
    }  # fmt: skip
    return read_volume(Document(body), cluster=CLUSTER)  # type: ignore[arg-type]


CLAIM = "persistentvolumeclaim/data"


@pytest.mark.parametrize(
    ("view", "said", "expected"),
    [
        pytest.param(claim("gone"), [event("ProvisioningFailed", 'storageclass.storage.k8s.io "gone" not found', about=CLAIM)], "no_class", id="a class that does not exist"),
        pytest.param(claim(None, classes=(STATIC,)), [event("FailedBinding", "no persistent volumes available for this claim and no storage class is set", about=CLAIM)], "no_class", id="no default class"),
        pytest.param(claim(), [event("ProvisioningFailed", 'failed to provision volume with StorageClass "fast": rpc error: code = Internal', about=CLAIM)], "provision_failed", id="a provisioner that fails"),
        pytest.param(claim(), [event("ProvisioningFailed", "rpc error: code = ResourceExhausted desc = insufficient capacity", about=CLAIM)], "capacity", id="no capacity"),
        pytest.param(claim(), [event("ExternalProvisioning", "Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com'", about=CLAIM)], "no_provisioner", id="nobody provisions"),
        pytest.param(claim("late"), [event("WaitForFirstConsumer", "waiting for first consumer to be created before binding", about=CLAIM)], "wait_first_consumer", id="waits for its pod"),
        pytest.param(claim("static"), [], "no_match", id="no volume of its class"),
        pytest.param(claim("static", volumes=(free("1Gi"),)), [], "capacity", id="volumes that are too small"),
        pytest.param(claim("static", volumes=(free("20Gi"),), mode="ReadWriteMany"), [], "access_mode", id="volumes of another access mode"),
    ],
)  # fmt: skip
def test_claims_that_are_not_bound(view: Any, said: list[Any], expected: str) -> None:
    facts = detect(claims.DETECTOR, view, events(*said))
    check(facts, [("pvc.pending", CLAIM, {"reason": expected, "requested_bytes": 10 * 2**30})])


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        pytest.param(claim(phase="Lost"), [("pvc.lost", CLAIM, {"volume": "pv-1"})], id="lost"),
        pytest.param(claim(phase="Bound"), [], id="bound"),
        pytest.param(claim(created=11.9), [], id="just made"),
    ],
)  # fmt: skip
def test_claims(view: Any, expected: list[Any]) -> None:
    check(detect(claims.DETECTOR, view), expected)


@pytest.mark.parametrize(
    ("reason", "message", "expected"),
    [
        pytest.param("FailedMount", 'MountVolume.SetUp failed for volume "conf" : configmap "app" not found', ("volume.mount_failed", "missing_configmap", "conf"), id="a ConfigMap"),
        pytest.param("FailedMount", 'MountVolume.SetUp failed for volume "tls" : secret "cert" not found', ("volume.mount_failed", "missing_secret", "tls"), id="a Secret"),
        pytest.param("FailedMount", 'MountVolume.SetUp failed for volume "tls" : references non-existent secret key: tls.crt', ("volume.mount_failed", "missing_key", "tls"), id="a key"),
        pytest.param("FailedMount", 'MountVolume.MountDevice failed for volume "pvc-1" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name ebs.csi.aws.com not found in the list of registered CSI drivers', ("volume.mount_failed", "driver_missing", "pvc-1"), id="a driver"),
        pytest.param("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[data kube-api]: timed out waiting for the condition", ("volume.mount_failed", "timeout", "data"), id="a time-out"),
        pytest.param("FailedMount", 'MountVolume.SetUp failed for volume "nfs" : mount failed: mount.nfs: access denied by server', ("volume.mount_failed", "permission", "nfs"), id="a server that refuses"),
        pytest.param("FailedAttachVolume", 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) checkout-1-b', ("volume.attach_failed", "multi_attach", "pvc-1"), id="attached elsewhere"),
        pytest.param("FailedAttachVolume", 'AttachVolume.Attach failed for volume "pvc-1" : rpc error: code = NotFound desc = volume not found', ("volume.attach_failed", "not_found", "pvc-1"), id="gone"),
    ],
)  # fmt: skip
def test_volumes_that_cannot_be_mounted(reason: str, message: str, expected: tuple[str, str, str]) -> None:
    kind, why, volume = expected
    waiting = pod("a", phase="Pending")
    facts = detect(mounts.DETECTOR, pods(waiting), events(event(reason, message, about="pod/a")))
    check(facts, [(kind, "deployment/checkout", {"reason": why, "volume": volume, "pods": 1})])


def test_a_time_out_is_only_told_where_nothing_better_is_known() -> None:
    said = [
        event("FailedMount", 'MountVolume.SetUp failed for volume "conf" : configmap "app" not found', about="pod/a"),
        event(
            "FailedMount",
            "Unable to attach or mount volumes: unmounted volumes=[conf]: timed out waiting",
            about="pod/a",
        ),
    ]
    facts = detect(mounts.DETECTOR, pods(pod("a", phase="Pending")), events(*said))
    check(facts, [("volume.mount_failed", "deployment/checkout", {"reason": "missing_configmap"})])


def test_a_pod_that_runs_has_its_volumes() -> None:
    said = event("FailedMount", 'MountVolume.SetUp failed for volume "kube-root-ca" : failed to sync', about="pod/a")
    assert detect(mounts.DETECTOR, pods(pod("a")), events(said)) == []


def ref(**fields: Any) -> ConfigRef:
    known = {
        "workload": entity("deployment/checkout"),
        "kind": EntityKind.CONFIGMAP,
        "name": "conf",
        "via": "envFrom",
        "exists": True,
    }
    return ConfigRef(**{**known, **fields})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(ref(), [], id="all is there"),
        pytest.param(ref(exists=False), [("workload.config_ref_missing", {"ref_kind": "configmap", "ref_name": "conf"})], id="the object is not"),
        pytest.param(ref(key="URL", key_exists=False, via="env URL", container="app"), [("workload.config_ref_missing", {"ref_key": "URL", "via": "env URL", "container": "app"})], id="the key is not"),
        pytest.param(ref(exists=False, optional=True), [], id="it may be absent"),
        pytest.param(ref(exists=None), [], id="nobody knows"),
        pytest.param(ref(exists=False, kind=EntityKind.SERVICEACCOUNT, name="app", via="serviceAccountName"), [("workload.serviceaccount_missing", {"name": "app"})], id="the service account is not"),
        pytest.param(ref(exists=False, kind=EntityKind.SECRET, via="imagePullSecrets"), [], id="pull secrets are only tried"),
    ],
)  # fmt: skip
def test_references_of_templates(found: ConfigRef, expected: list[tuple[str, dict[str, Any]]]) -> None:
    facts = detect(config_refs.DETECTOR, seen(ConfigRefs(refs=(found,))))
    check(facts, [(kind, "deployment/checkout", attributes) for kind, attributes in expected])


@pytest.mark.parametrize(
    ("days", "kind"),
    [(-1, "certificate.expired"), (3, "certificate.expiring"), (60, None)],
    ids=["ended", "ends within a week", "good for long"],
)
def test_certificates_in_secrets(days: int, kind: str | None) -> None:
    body = {"metadata": {"name": "cert", "namespace": "shop"}}
    item = ConfigObject(
        meta=read_meta(Document(body), cluster=CLUSTER, kind=EntityKind.SECRET),  # type: ignore[arg-type]
        kind=EntityKind.SECRET,
        used_by=(entity("deployment/checkout"),),
        certificate_not_after=NOW + timedelta(days=days),
        certificate_subject="CN=shop.example",
    )
    facts = detect(certificates.DETECTOR, seen(ConfigRefs(refs=(), objects=(item,))))
    check(facts, [(kind, "deployment/checkout", {"secret": "cert", "subject": "CN=shop.example"})] if kind else [])


@pytest.mark.parametrize(
    ("line", "ended"),
    [
        pytest.param("x509: certificate has expired or is not yet valid: current time 2026-11-17T02:40:00Z is after 2026-11-16T00:00:00Z", True, id="Go: after the end"),
        pytest.param("x509: certificate has expired or is not yet valid: current time 2026-11-17T02:40:00Z is before 2026-11-18T00:00:00Z", False, id="Go: before the start, a clock matter"),
        pytest.param("SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired", True, id="Python"),
        pytest.param("Error: CERT_HAS_EXPIRED", True, id="node"),
        pytest.param("java.security.cert.CertPathValidatorException: validity check failed", True, id="Java"),
        pytest.param("certificate renewed", False, id="all is well"),
    ],
)  # fmt: skip
def test_certificates_that_logs_complain_about(line: str, ended: bool) -> None:
    one = ContainerLog(
        pod=entity("pod/a"),
        workload=entity("deployment/checkout"),
        container="app",
        previous=False,
        lines=(LogLine(at=ONSET, text=line),),
    )
    facts = detect(certificates.DETECTOR, seen(Logs(logs=(one,))))
    check(facts, [("certificate.expired", "deployment/checkout", {"lines": 1})] if ended else [])
