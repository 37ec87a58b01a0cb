"""A clone has nothing that leads to it or from it, and says why a workload cannot be tried so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tools.kubernetes.clone import CLONE, EXPIRES, Trying, manifest, obstacles, seen
from tools.kubernetes.document import Document
from tools.kubernetes.pod import read_pod

EXPIRY = datetime(2026, 11, 17, 3, tzinfo=UTC)
CONTAINER: dict[str, Any] = {"name": "app", "image": "app:2", "env": [{"name": "LEVEL", "value": "info"}]}


def workload(*, container: dict[str, Any] | None = None, **spec: Any) -> Document:
    template = {
        "metadata": {"labels": {"app": "checkout"}, "annotations": {"team": "orders"}},
        "spec": {"containers": [{**CONTAINER, **(container or {})}], **spec},
    }
    return Document({"metadata": {"name": "checkout"}, "spec": {"replicas": 6, "template": template}})


def made(target: Document) -> Document:
    return Document(manifest(target, name="checkout-1", namespace="scratch", expires=EXPIRY, seconds=120))


def test_a_clone_is_one_pod_that_nobody_selects_and_that_ends_by_itself() -> None:
    found = made(
        workload(
            serviceAccountName="checkout",
            nodeName="n1",
            priorityClassName="critical",
            affinity={"podAntiAffinity": {}},
            tolerations=[{"operator": "Exists"}],
        )
    )
    assert found.mapping("metadata", "labels") == {CLONE: "checkout-1"}
    assert found.mapping("metadata", "annotations") == {"team": "orders", EXPIRES: str(int(EXPIRY.timestamp()))}
    assert found.word("metadata", "namespace") == "scratch"
    assert set(found.keys("spec")) == {
        *("containers", "tolerations", "restartPolicy", "activeDeadlineSeconds"),
        *("terminationGracePeriodSeconds", "automountServiceAccountToken", "enableServiceLinks"),
    }
    assert found.whole("spec", "activeDeadlineSeconds") == 120
    assert found.json("spec", "automountServiceAccountToken") is False


SECRET = {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "app-secrets", "key": "PASSWORD"}}}


@pytest.mark.parametrize(
    ("target", "why"),
    [
        pytest.param(workload(container={"env": [SECRET]}), "it needs Secret app-secrets", id="a key of a Secret"),
        pytest.param(
            workload(container={"envFrom": [{"configMapRef": {"name": "tuning"}}]}),
            "it needs ConfigMap tuning",
            id="a whole ConfigMap",
        ),
        pytest.param(workload(imagePullSecrets=[{"name": "pull"}]), "it needs Secret pull", id="a private registry"),
        pytest.param(
            workload(volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]),
            "volume data (persistentVolumeClaim) is not copied",
            id="a volume of its own",
        ),
        pytest.param(
            workload(volumes=[{"name": "logs", "hostPath": {"path": "/var/log"}}]),
            "volume logs (hostPath) is not copied",
            id="files of the node",
        ),
        pytest.param(workload(hostNetwork=True), "hostNetwork is set", id="the network of the node"),
    ],
)
def test_what_a_clone_would_lack_or_share_keeps_it_from_being_tried(target: Document, why: str) -> None:
    assert obstacles(target) == (why,)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(workload(), id="plain"),
        pytest.param(workload(volumes=[{"name": "tmp", "emptyDir": {}}]), id="an empty directory"),
        pytest.param(
            workload(container={"envFrom": [{"secretRef": {"name": "more", "optional": True}}]}),
            id="an optional Secret",
        ),
    ],
)
def test_what_needs_nothing_from_elsewhere_can_be_tried(target: Document) -> None:
    assert obstacles(target) == ()


def pod(*statuses: dict[str, Any], ready: bool = False, phase: str = "Running") -> Document:
    conditions = [{"type": "Ready", "status": str(ready)}, {"type": "PodScheduled", "status": "True"}]
    return Document(
        {
            "metadata": {"name": "checkout-1", "namespace": "scratch", "uid": "u", "resourceVersion": "1"},
            "spec": {"containers": [CONTAINER]},
            "status": {"phase": phase, "conditions": conditions, "containerStatuses": list(statuses)},
        }
    )


def ended(reason: str, code: int) -> dict[str, Any]:
    return {"name": "app", "lastState": {"terminated": {"reason": reason, "exitCode": code}}}


@pytest.mark.parametrize(
    ("document", "how", "text"),
    [
        pytest.param(pod(ready=True), Trying.READY, "", id="ready"),
        pytest.param(pod(), Trying.WAITING, "it is not ready", id="not yet"),
        pytest.param(pod(ended("OOMKilled", 137)), Trying.FAILED, "OOMKilled, exit 137", id="killed for its memory"),
        pytest.param(pod(ended("Completed", 0)), Trying.WAITING, "it is not ready", id="an end without an error"),
        pytest.param(
            pod({"name": "app", "state": {"waiting": {"reason": "ImagePullBackOff"}}}),
            Trying.FAILED,
            "ImagePullBackOff",
            id="no image",
        ),
        pytest.param(pod(phase="Failed"), Trying.FAILED, "Failed", id="stopped at its deadline"),
    ],
)
def test_what_a_clone_shows(document: Document, how: Trying, text: str) -> None:
    found = seen(read_pod(document, cluster="prod"))
    assert (found.how, found.text) == (how, text)
