"""What detectors read out of rollout history: one table, whose ids are the sentences that a person would say."""

from typing import Any

import pytest

from incidents.entity import EntityKind
from tests.agents.cases import ONSET, case, entity
from tests.agents.cicd.estate import (
    Json,
    container,
    deployment,
    detect,
    manager,
    replicaset,
    rollout,
    rollouts,
    scene,
    stamp,
    template,
    workloads,
)
from tools.kubernetes.probes.revisions import rollout_of

SHA = "8f2c1d7"
CONFIG = {"configMapKeyRef": {"name": "checkout-config", "key": "url"}}
LIVENESS = {"httpGet": {"path": "/livez", "port": 8080}, "periodSeconds": 10}


def commit(pod: Json, sha: str = SHA) -> Json:
    return {**pod, "metadata": {**pod["metadata"], "annotations": {"org.opencontainers.image.revision": sha}}}


CHANGES = [
    pytest.param(
        "memory_limit",
        template(container(memory="512Mi")),
        commit(template(container(memory="256Mi"))),
        "change.memory_limit_lowered",
        "deploy 8f2c1d7 lowered the memory limit of checkout 512Mi -> 256Mi at 02:33",
        {"before_bytes": 512 * 2**20, "after_bytes": 256 * 2**20, "before": "512Mi", "commit": SHA, "revision": 42},
        id="a deploy halves a memory limit",
    ),
    pytest.param(
        "memory_limit",
        template(container()),
        template(container(memory="256Mi")),
        "change.memory_limit_lowered",
        "revision 42 lowered the memory limit of checkout none -> 256Mi at 02:33",
        {"after_bytes": 256 * 2**20},
        id="a limit where there was none is a lower limit",
    ),
    pytest.param(
        "memory_limit",
        template(container(memory="256Mi")),
        template(container(memory="1Gi")),
        "change.memory_limit_raised",
        "revision 42 raised the memory limit of checkout 256Mi -> 1Gi at 02:33",
        {"before_bytes": 256 * 2**20, "after_bytes": 2**30},
        id="a raised limit is told as such",
    ),
    pytest.param(
        "cpu_limit",
        template(container(cpu="1")),
        template(container(cpu="200m")),
        "change.cpu_limit_lowered",
        "revision 42 lowered the CPU limit of checkout 1 -> 200m at 02:33",
        {"before_cores": 1.0, "after_cores": 0.2},
        id="CPU limits are compared in cores",
    ),
    pytest.param(
        "requests_changed",
        template(container(requests={"memory": "256Mi", "cpu": "100m"})),
        template(container(requests={"memory": "4Gi", "cpu": "100m"})),
        "change.requests_changed",
        "revision 42 changed what checkout requests: memory 256Mi -> 4Gi at 02:33",
        {"before_bytes": 256 * 2**20, "after_bytes": 4 * 2**30},
        id="a request that no node may have room for",
    ),
    pytest.param(
        "image_changed",
        template(container(image="reg.example:5000/shop/checkout:1.42.0")),
        template(container(image="reg.example:5000/shop/checkout:1.42.1")),
        "change.image_changed",
        "revision 42 changed the image of checkout 1.42.0 -> 1.42.1 at 02:33",
        {"before": "reg.example:5000/shop/checkout:1.42.0", "after": "reg.example:5000/shop/checkout:1.42.1"},
        id="only the tag of an image is said",
    ),
    pytest.param(
        "image_changed",
        template(container(image="shop/checkout:1")),
        template(container(image="shop/checkuot:1")),
        "change.image_changed",
        "revision 42 changed the image of checkout shop/checkout:1 -> shop/checkuot:1 at 02:33",
        {},
        id="another repository is said whole",
    ),
    pytest.param(
        "image_changed",
        template(container(), container("envoy", image="envoy:1.30")),
        template(container(), container("envoy", image="envoy:1.31")),
        "change.image_changed",
        "revision 42 changed the image of checkout (container envoy) 1.30 -> 1.31 at 02:33",
        {"container": "envoy"},
        id="of several containers the changed one is named",
    ),
    pytest.param(
        "env_changed",
        template(container(env=[{"name": "POOL", "value": "20"}])),
        template(container(env=[{"name": "POOL", "value": "2"}])),
        "change.env_changed",
        "revision 42 changed POOL of checkout 20 -> 2 at 02:33",
        {"names": "POOL", "before": "20", "after": "2"},
        id="one variable is said with its values",
    ),
    pytest.param(
        "env_changed",
        template(container(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "1"}])),
        template(container(env=[{"name": "A", "value": "2"}, {"name": "C", "value": "1"}])),
        "change.env_changed",
        "revision 42 changed 3 variables of checkout (A, B, C) at 02:33",
        {"names": "A, B, C", "added": "C", "removed": "B"},
        id="several variables are said by name",
    ),
    pytest.param(
        "flag",
        template(container(env=[{"name": "FEATURE_NEW_TAX", "value": "false"}])),
        template(container(env=[{"name": "FEATURE_NEW_TAX", "value": "true"}])),
        "change.flag",
        "revision 42 switched flag FEATURE_NEW_TAX of checkout false -> true at 02:33",
        {"flag": "FEATURE_NEW_TAX", "before": "false", "after": "true"},
        id="a variable named like a flag is a flag",
    ),
    pytest.param(
        "config_ref_changed",
        template(container(env=[{"name": "URL", "valueFrom": CONFIG}])),
        template(container(env=[{"name": "URL", "valueFrom": {"configMapKeyRef": {"name": "cfg2", "key": "url"}}}])),
        "change.config_ref_changed",
        "revision 42 changed what configuration checkout uses: env[URL].valueFrom.configMapKeyRef.name "
        "checkout-config -> cfg2 at 02:33",
        {"name": "cfg2"},
        id="a variable that comes from another ConfigMap",
    ),
    pytest.param(
        "config_ref_changed",
        template(container(), volumes=[{"name": "c", "secret": {"secretName": "tls-2025"}}]),
        template(container(), volumes=[{"name": "c", "secret": {"secretName": "tls-2026"}}]),
        "change.config_ref_changed",
        "revision 42 changed what configuration checkout uses: volumes[c].secret.secretName tls-2025 -> tls-2026 at 02:33",
        {"name": "tls-2026"},
        id="a volume of another Secret",
    ),
    pytest.param(
        "command_changed",
        template(container(args=["serve"])),
        template(container(args=["serve", "--strict"])),
        "change.command_changed",
        'revision 42 changed the command of checkout: args ["serve"] -> ["serve", "--strict"] at 02:33',
        {"before": '["serve"]', "after": '["serve", "--strict"]'},
        id="arguments are part of the command",
    ),
    pytest.param(
        "probe_changed",
        template(container(livenessProbe=LIVENESS)),
        template(container(livenessProbe={**LIVENESS, "httpGet": {"path": "/health", "port": 8080}})),
        "change.probe_changed",
        "revision 42 changed the liveness probe of checkout: httpGet.path /livez -> /health at 02:33",
        {"probe": "liveness"},
        id="a probe asks another path",
    ),
    pytest.param(
        "probe_changed",
        template(container()),
        template(container(readinessProbe=LIVENESS)),
        "change.probe_changed",
        "revision 42 added a readiness probe to checkout at 02:33",
        {"probe": "readiness", "fields": 3},
        id="a probe that is new",
    ),
    pytest.param(
        "port_changed",
        template(container(ports=[{"containerPort": 8080}])),
        template(container(ports=[{"containerPort": 9090}])),
        "change.port_changed",
        "revision 42 changed the ports of checkout: ports[8080].containerPort, ports[9090].containerPort at 02:33",
        {},
        id="a container listens elsewhere",
    ),
    pytest.param(
        "affinity_changed",
        template(container(), nodeSelector={"disk": "ssd"}),
        template(container(), nodeSelector={"disk": "nvme"}),
        "change.affinity_changed",
        "revision 42 changed where pods may run of checkout: nodeSelector.disk ssd -> nvme at 02:33",
        {"before": "ssd", "after": "nvme"},
        id="a node selector that no node may carry",
    ),
    pytest.param(
        "volume_changed",
        template(container(volumeMounts=[{"name": "data", "mountPath": "/data"}])),
        template(container(volumeMounts=[{"name": "data", "mountPath": "/var/data"}])),
        "change.volume_changed",
        None,
        {},
        id="a mount moves",
    ),
    pytest.param(
        "security_changed",
        template(container()),
        template(container(securityContext={"readOnlyRootFilesystem": True})),
        "change.security_changed",
        "revision 42 changed the security context of checkout: securityContext.readOnlyRootFilesystem none -> true at 02:33",
        {"after": "true"},
        id="the root file system becomes read-only",
    ),
    pytest.param(
        "labels_changed",
        template(container(), labels={"tier": "web"}),
        template(container(), labels={"tier": "api"}),
        "change.labels_changed",
        "revision 42 changed the pod labels of checkout: labels.tier web -> api at 02:33",
        {},
        id="a label that a service may select by",
    ),
    pytest.param(
        "containers_changed",
        template(container()),
        template(container(), container("istio-proxy", image="istio/proxyv2:1.24")),
        "change.containers_changed",
        "revision 42 added istio-proxy in the pods of checkout at 02:33",
        {"added": "istio-proxy"},
        id="a sidecar comes along",
    ),
    pytest.param(
        "deployed",
        template(container(memory="512Mi")),
        commit(template(container(memory="256Mi"))),
        "change.deployed",
        "deploy 8f2c1d7 rolled out checkout (revision 41 -> 42, 2 fields) at 02:33",
        {"revision": 42, "previous_revision": 41, "fields": 2, "commit": SHA},
        id="every rollout is told",
    ),
    pytest.param(
        "restarted",
        template(container()),
        template(container(), annotations={"kubectl.kubernetes.io/restartedAt": stamp(-2)}),
        "change.restarted",
        "checkout was restarted at 02:33",
        {},
        id="a restart changes nothing but an annotation",
    ),
]


@pytest.mark.parametrize(("detector", "before", "after", "kind", "text", "attributes"), CHANGES)
def test_a_rollout_is_told_field_by_field(
    detector: str, before: Json, after: Json, kind: str, text: str | None, attributes: dict[str, Any]
) -> None:
    facts = [
        fact
        for fact in detect(detector, rollouts(rollout("checkout", (-3000, before), (-2, after))))
        if fact.attributes.get("revision") == 42
    ]
    assert [fact.kind for fact in facts] == [kind]
    fact = facts[0]
    assert fact.entity == entity("checkout")
    assert fact.at is not None
    assert (ONSET - fact.at).total_seconds() == 120
    assert text is None or fact.text == text
    assert {name: fact.attributes.get(name) for name in attributes} == attributes


SAME = [
    pytest.param("memory_limit", container(memory="512Mi"), container(memory="0.5Gi"), id="0.5Gi is 512Mi"),
    pytest.param("cpu_limit", container(cpu="1"), container(cpu="1000m"), id="1000m is 1"),
    pytest.param("image_changed", container(memory="1Gi"), container(memory="2Gi"), id="a limit is no image"),
    pytest.param("flag", container(env=[{"name": "A", "value": "1"}]), container(env=[{"name": "A", "value": "2"}]),
                 id="a plain variable is no flag"),
    pytest.param("restarted", container(memory="1Gi"), container(memory="2Gi"), id="a rollout is no restart"),
    pytest.param("image_changed", container(), container("other"), id="a container that is another is no changed image"),
    pytest.param("requests_changed", container(requests={"cpu": "1"}), container(requests={"cpu": "1000m"}),
                 id="a request written otherwise is the same"),
]  # fmt: skip


@pytest.mark.parametrize(("detector", "before", "after"), SAME)
def test_what_means_the_same_is_no_change(detector: str, before: Json, after: Json) -> None:
    assert detect(detector, rollouts(rollout("checkout", (-3000, template(before)), (-2, template(after))))) == []


def test_labels_that_name_a_version_are_not_told_as_labels() -> None:
    before, after = (template(labels={"app.kubernetes.io/version": version}) for version in ("1.42.0", "1.42.1"))
    assert detect("labels_changed", rollouts(rollout("checkout", (-3000, before), (-2, after)))) == []


def test_a_secret_value_is_not_in_a_sentence() -> None:
    before, after = (
        template(container(env=[{"name": "DB_PASSWORD", "value": text}])) for text in ("hunter2", "hunter3")
    )
    facts = detect("env_changed", rollouts(rollout("checkout", (-3000, before), (-2, after))))
    assert all("hunter" not in fact.model_dump_json() for fact in facts)


def test_a_limit_that_was_put_back_ended_then() -> None:
    low, high = template(container(memory="256Mi")), template(container(memory="512Mi"))
    facts = detect("memory_limit", rollouts(rollout("checkout", (-3000, high), (-30, low), (-10, high))))
    lowered = next(fact for fact in facts if fact.kind == "change.memory_limit_lowered")
    assert lowered.until is not None
    assert (ONSET - lowered.until).total_seconds() == 600


def test_a_change_by_hand_is_not_blamed_on_a_deploy() -> None:
    before, after = commit(template(container(memory="512Mi"))), commit(template(container(memory="256Mi")))
    hand = manager("kubectl-edit", -2, "spec.template.spec")
    facts = detect("memory_limit", rollouts(rollout("checkout", (-3000, before), (-2, after), managers=[hand])))
    assert facts[0].text == (
        "a change by hand (kubectl-edit) lowered the memory limit of checkout 512Mi -> 256Mi at 02:33"
    )
    assert "commit" not in facts[0].attributes


def test_a_hand_that_was_followed_by_a_deploy_is_found_in_the_managed_fields_of_the_workload() -> None:
    first, second = template(container(memory="512Mi")), template(container(memory="256Mi"))
    third = commit(template(container(memory="256Mi", image="shop/checkout:2")))
    hand = manager("kubectl-patch", -20, "spec.template.spec")
    history = rollout("checkout", (-3000, first), (-20, second), (-5, third))
    facts = detect("memory_limit", rollouts(history), workloads(deployment(managers=[hand], pod=third)))
    assert facts[0].text.startswith("a change by hand (kubectl-patch) lowered")


def test_a_rollback_is_told_with_the_revision_that_came_back() -> None:
    good, bad = template(container(memory="512Mi")), template(container(memory="256Mi"))
    kept = [
        replicaset("checkout", 43, -3000, good, history="41"),
        replicaset("checkout", 42, -30, bad),
    ]
    hand = manager("kubectl-rollout", -5, "spec.template.spec")
    history = rollout_of(
        deployment(revision=43, pod=good, managers=[hand]), kept, cluster="prod-eu", kind=EntityKind.DEPLOYMENT
    )
    facts = detect("rollback_recent", rollouts(history))
    assert [fact.text for fact in facts] == ["checkout was rolled back to revision 41 at 02:30 by kubectl-rollout"]
    assert facts[0].attributes["to_revision"] == 41


def test_a_template_that_came_back_and_left_again_has_no_time() -> None:
    good, bad = template(container(memory="512Mi")), template(container(memory="256Mi"))
    kept = [
        replicaset("checkout", 44, -5, template(container(memory="300Mi"))),
        replicaset("checkout", 43, -3000, good, history="41"),
        replicaset("checkout", 42, -30, bad),
    ]
    history = rollout_of(deployment(revision=44, pod=bad), kept, cluster="prod-eu", kind=EntityKind.DEPLOYMENT)
    facts = {f.attributes["revision"]: f for f in detect("deployed", rollouts(history))}
    assert facts[43].at is None
    assert facts[44].at is not None


def test_history_of_strangers_ends_a_day_before_the_onset() -> None:
    before, after = template(container(memory="512Mi")), template(container(memory="256Mi"))
    old = [rollout(name, (-9000, before), (-2000, after)) for name in ("checkout", "stranger")]
    facts = detect("memory_limit", rollouts(*old))
    assert [fact.entity for fact in facts] == [entity("checkout")]


def test_the_closest_change_before_the_onset_comes_first() -> None:
    pods = template(container()), template(container(image="shop/checkout:2"))
    near, far = rollout("checkout", (-3000, pods[0]), (-2, pods[1])), rollout("cart", (-3000, pods[0]), (-60, pods[1]))
    facts = detect("near_onset", rollouts(far, near))
    assert [(fact.entity, fact.attributes["rank"], fact.attributes["minutes_before"]) for fact in facts] == [
        (entity("checkout"), 1, 2.0),
        (entity("cart"), 2, 60.0),
    ]
    assert facts[0].text == "revision 42 of checkout at 02:33, 2 min before it began at 02:35"


def test_a_deploy_after_the_onset_is_acquitted_and_not_named_close() -> None:
    pods = template(container()), template(container(image="shop/checkout:2"))
    history = rollouts(rollout("cart", (-3000, pods[0]), (7, pods[1])))
    facts = detect("after_onset", history)
    assert [(fact.entity, fact.role.value, fact.attributes["minutes_after"]) for fact in facts] == [
        (entity("cart"), "cleared", 7.0)
    ]
    assert detect("near_onset", history) == []


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        pytest.param(-3000, ["checkout"], id="an old rollout is no change"),
        pytest.param(-100, [], id="a rollout within a day is one"),
        pytest.param(5, ["checkout"], id="a rollout after the onset does not count"),
    ],
)
def test_nothing_changed_is_said_of_the_focus_only(last: float, expected: list[str]) -> None:
    pods = template(container()), template(container(image="shop/checkout:2"))
    histories = [rollout(name, (-5000, pods[0]), (last, pods[1])) for name in ("checkout", "stranger")]
    facts = detect("none", rollouts(*histories), of=scene("checkout", of=case()))
    assert [fact.entity for fact in facts] == [entity(name) for name in expected]
