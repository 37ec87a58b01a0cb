"""What labels point at: the thing, never the exporter that reported it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.entity import Entity, EntityKind
from incidents.pointing import cluster_of, entity_of, workload_of_pod

KSM = {
    "job": "kube-state-metrics",
    "service": "kube-state-metrics",
    "instance": "10.0.0.7:8080",
    "pod": "kube-state-metrics-7d9f8b6c5d-x2x4z",
}
NODE_EXPORTER = {
    "job": "node-exporter",
    "namespace": "monitoring",
    "pod": "node-exporter-4kl64",
    "service": "node-exporter",
    "instance": "172.16.1.53:9100",
}


@pytest.mark.parametrize(
    ("labels", "entity"),
    [
        pytest.param(
            {**KSM, "namespace": "shop", "deployment": "checkout"},
            "shop/deployment/checkout",
            id="a deployment beside the exporter's labels",
        ),
        pytest.param({**KSM, "namespace": "shop", "statefulset": "db"}, "shop/statefulset/db", id="a stateful set"),
        pytest.param(
            {**KSM, "namespace": "shop", "job_name": "report-28812345"},
            "shop/job/report-28812345",
            id="a job by job_name, not by job",
        ),
        pytest.param(
            {"job": "kube-state-metrics", "namespace": "shop", "pod": "checkout-7d9f8b6c5d-x2x4z", "container": "app"},
            "shop/deployment/checkout",
            id="a pod that the exporter reports about",
        ),
        pytest.param(
            {
                **KSM,
                "exported_namespace": "shop",
                "exported_pod": "checkout-7d9f8b6c5d-x2x4z",
                "namespace": "monitoring",
            },
            "shop/deployment/checkout",
            id="exported labels beat the exporter's",
        ),
        pytest.param(
            {**KSM, "namespace": "monitoring", "node": "worker-2"},
            "-/node/worker-2",
            id="a node although the exporter's pod is named",
        ),
        pytest.param(
            {**KSM, "namespace": "shop", "persistentvolumeclaim": "data-db-0"},
            "shop/persistentvolumeclaim/data-db-0",
            id="a volume claim",
        ),
        pytest.param(
            {**KSM, "namespace": "shop", "horizontalpodautoscaler": "checkout"},
            "shop/horizontalpodautoscaler/checkout",
            id="an autoscaler",
        ),
        pytest.param(NODE_EXPORTER, "-/node/172.16.1.53", id="node-exporter means its node"),
        pytest.param({"namespace": "shop", "pod": "db-0"}, "shop/statefulset/db", id="an ordinal means a stateful set"),
        pytest.param(
            {"namespace": "shop", "pod": "agent-x2x4z"}, "shop/daemonset/agent", id="one suffix means a daemon set"
        ),
        pytest.param(
            {"namespace": "shop", "pod": "report-28812345-x2x4z"},
            "shop/cronjob/report",
            id="a time stamp means a cron job",
        ),
        pytest.param(
            {"namespace": "shop", "pod": "standalone"}, "shop/pod/standalone", id="a pod without a suffix stays a pod"
        ),
        pytest.param(
            {"namespace": "shop", "replicaset": "checkout-7d9f8b6c5d"},
            "shop/deployment/checkout",
            id="a replica set means its deployment",
        ),
        pytest.param(
            {"namespace": "shop", "workload": "db", "workload_type": "StatefulSet"},
            "shop/statefulset/db",
            id="workload with its type",
        ),
        pytest.param(
            {"namespace": "shop", "service": "checkout", "job": "checkout-api", "instance": "10.0.0.1:80"},
            "shop/service/checkout",
            id="a service",
        ),
        pytest.param(
            {"destination_workload": "checkout", "destination_workload_namespace": "shop"},
            "shop/deployment/checkout",
            id="istio",
        ),
        pytest.param(
            {"k8s_namespace_name": "shop", "k8s_deployment_name": "checkout"},
            "shop/deployment/checkout",
            id="opentelemetry",
        ),
        pytest.param({"namespace": "shop", "job": "checkout"}, "shop/service/checkout", id="a scrape job"),
        pytest.param({"job": "shop/checkout"}, "shop/service/checkout", id="a scrape job with its namespace"),
        pytest.param(
            {"job": "apiserver", "namespace": "default"}, "-/namespace/default", id="a job of the cluster itself"
        ),
        pytest.param({"job": "nightly-batch"}, "-/cluster/prod-eu", id="a job without a namespace is nobody"),
        pytest.param({"namespace": "shop"}, "-/namespace/shop", id="a namespace"),
        pytest.param(
            {"instance": "switch-1:9116", "job": "snmp", "service_name": "if/Ethernet17"},
            "-/external/switch-1",
            id="something outside Kubernetes",
        ),
        pytest.param({}, "-/cluster/prod-eu", id="nothing but the cluster"),
        pytest.param({"namespace": "shop", "deployment": " "}, "-/namespace/shop", id="a blank name names nothing"),
        pytest.param({"instance": " :9100"}, "-/cluster/prod-eu", id="a blank host names nothing"),
        pytest.param(
            {"namespace": "a/b", "deployment": "web"}, "-/deployment/web", id="a namespace that would break the id"
        ),
        pytest.param(
            {"namespace": "shop", "deployment": "é" * 300}, "-/namespace/shop", id="a name that no index could hold"
        ),
    ],
)
def test_entities(labels: dict[str, str], entity: str) -> None:
    found = entity_of({"alertname": "X", **labels}, cluster="prod-eu")
    assert found == f"prod-eu/{entity}"
    assert Entity.parse(found).id == found


@pytest.mark.parametrize(
    ("labels", "names", "cluster"),
    [
        pytest.param({"cluster": "prod-us"}, ["prod-eu", "prod-us"], "prod-us", id="the label names a configured one"),
        pytest.param({"k8s_cluster": "prod-us"}, ["prod-eu", "prod-us"], "prod-us", id="another label does"),
        pytest.param({"cluster": "kind"}, ["prod-eu"], "prod-eu", id="the only one that is configured"),
        pytest.param({"cluster": "a/b"}, ["x", "y"], "a-b", id="an unknown one keeps its name, fit for an id"),
        pytest.param({}, [], "default", id="none at all"),
        pytest.param({"cluster": " "}, [], "default", id="a blank one"),
        pytest.param({"cluster": "x" * 9000, "k8s_cluster": "kind"}, [], "kind", id="an endless one is passed over"),
    ],
)
def test_clusters(labels: dict[str, str], names: list[str], cluster: str) -> None:
    assert cluster_of(labels, names=names, labels_of_cluster=["cluster", "k8s_cluster"]) == cluster


LABELS = st.sampled_from(
    ["namespace", "deployment", "pod", "node", "job", "instance", "service", "workload", "replicaset", "cluster"]
)


@given(st.dictionaries(LABELS, st.text(max_size=12) | st.integers(1, 9000).map("n".__mul__)))
def test_whatever_the_labels_say_there_is_an_id_that_can_be_read_and_indexed(labels: dict[str, str]) -> None:
    cluster = cluster_of(labels, names=[], labels_of_cluster=["cluster"])
    found = entity_of(labels, cluster=cluster)
    assert Entity.parse(found).id == found
    assert len(found.encode(errors="replace")) < 2704, "the largest row of an index of PostgreSQL"


def test_words_are_no_generated_suffix() -> None:
    assert workload_of_pod("checkout-canary") is None
    assert workload_of_pod("web-frontend-api") is None
    assert workload_of_pod("checkout-7d9f8b6c5d-x2x4z") == (EntityKind.DEPLOYMENT, "checkout")
