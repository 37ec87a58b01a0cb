"""What detectors read out of managed fields, Argo CD's comparison and events about changes past the pipeline."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from incidents.action import FieldChange
from incidents.entity import EntityKind
from incidents.evidence import Source
from tests.agents.cases import CLUSTER, ONSET, entity
from tests.agents.cicd.estate import (
    Json,
    container,
    deployment,
    detect,
    manager,
    rollout,
    rollouts,
    seen,
    stamp,
    template,
    workloads,
)
from tests.agents.cicd.test_delivery import application, applications
from tools.argocd.probes.diff import DiffView, ResourceDiff
from tools.kubernetes.autoscaler import Autoscaler, Autoscalers
from tools.kubernetes.config_ref import ConfigObject, ConfigRef, ConfigRefs
from tools.kubernetes.document import Document
from tools.kubernetes.event import Event, Events
from tools.kubernetes.metadata import ObjectMeta, read_meta
from tools.kubernetes.network_policy import NetworkPolicies, NetworkPolicy
from tools.kubernetes.selector import Selector
from tools.kubernetes.service import Candidate, Service, Services, ServiceView
from tools.probe import Observation

TRACKED = {"argocd.argoproj.io/tracking-id": "checkout:apps/Deployment:shop/checkout"}


def meta(
    kind: EntityKind, name: str, *managers: Json, created: float = -90_000, marks: Json | None = None
) -> ObjectMeta:
    document = Document(
        {
            "metadata": {
                "name": name,
                "namespace": "shop",
                "uid": f"uid-{name}",
                "resourceVersion": "1",
                "creationTimestamp": stamp(created),
                "annotations": marks or {},
                "managedFields": list(managers),
            }
        }
    )
    return read_meta(document, cluster=CLUSTER, kind=kind, managers=True)


def diff(name: str, *fields: FieldChange, kind: str = "Deployment") -> Observation[Any]:
    resource = ResourceDiff(kind=kind, namespace="shop", name=name, fields=fields)
    view = DiffView(application="checkout", resources=(resource,))
    return seen(view, "prod-eu/-/application/checkout", source=Source.ARGOCD)


def config(*managers: Json, refs: Sequence[ConfigRef] = (), name: str = "checkout-config") -> Observation[Any]:
    kind = EntityKind.SECRET if name.endswith("tls") else EntityKind.CONFIGMAP
    item = ConfigObject(meta=meta(kind, name, *managers), kind=kind, used_by=(entity("checkout"),))
    return seen(ConfigRefs(refs=tuple(refs), objects=(item,)), item.meta.entity, entity("checkout"))


def managed(*managers: Json, tracked: bool = False, replicas: int = 6) -> Observation[Any]:
    document = deployment(managers=managers, replicas=replicas)
    if tracked:
        body = document.json()
        assert isinstance(body, dict)
        body["metadata"]["annotations"] |= TRACKED
    return workloads(document)


MANUAL = [
    pytest.param([manager("kubectl-edit", -2, "spec.paused")], False, 1.0, id="an edit is by hand"),
    pytest.param([manager("argocd-controller", -2, "spec.paused")], True, None, id="a sync is not"),
    pytest.param([manager("kubectl-client-side-apply", -2, "spec.paused")], False, None, id="apply may be the pipeline"),
    pytest.param([manager("kubectl-client-side-apply", -2, "spec.paused")], True, 0.9, id="apply over Argo CD's is not"),
    pytest.param([manager("python-requests", -2, "spec.paused")], True, 0.6, id="an unknown client over Argo CD's"),
    pytest.param([manager("kubectl-edit", -9000, "spec.paused")], False, None, id="an edit of last week is old"),
    pytest.param([manager("kubectl-edit", -2, "status.replicas")], False, None, id="a status is nobody's intent"),
    pytest.param([manager("kube-controller-manager", -2, "spec.replicas")], True, None, id="a controller is no hand"),
    pytest.param(
        [manager("kubectl-rollout", -2, "spec.template.metadata.annotations.restartedAt")], False, None,
        id="a restart is told as such",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("managers", "tracked", "strength"), MANUAL)
def test_a_write_is_by_hand_or_not(managers: list[Json], tracked: bool, strength: float | None) -> None:
    facts = detect("manual", managed(*managers, tracked=tracked))
    assert [fact.strength for fact in facts] == ([] if strength is None else [strength])


def test_a_change_by_hand_is_told_with_what_git_says() -> None:
    change = FieldChange(path="spec.replicas", before="6", after="1")
    facts = detect(
        "manual",
        managed(manager("kubectl-scale", -2, "spec.replicas", subresource="scale"), replicas=1),
        applications(application()),
        diff("checkout", change),
    )
    assert [fact.text for fact in facts] == [
        "checkout was changed by hand with kubectl-scale (replicas 6 -> 1) at 02:33"
    ]
    assert (facts[0].attributes["before"], facts[0].attributes["after"]) == ("6", "1")


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        pytest.param(None, ["deployment"], id="what was synchronised last is compared: somebody wrote"),
        pytest.param("c" * 40, [], id="Git is ahead: nobody wrote"),
    ],
)
def test_a_difference_to_git_without_a_writer_is_a_change_by_hand(revision: str | None, expected: list[str]) -> None:
    app = application(**({"revision": revision} if revision else {}))
    change = FieldChange(path="spec.template.spec.containers[checkout].image", before="a:1", after="a:2")
    facts = detect("manual", managed(), applications(app), diff("checkout", change))
    assert [fact.entity.split("/")[2] for fact in facts] == expected


def test_configuration_is_told_with_its_keys_and_users() -> None:
    facts = detect("config_edited", config(manager("kubectl-edit", -4, "data.url")))
    assert [fact.text for fact in facts] == [
        "configmap checkout-config, used by checkout, was edited (url) at 02:31 by kubectl-edit"
    ]
    assert facts[0].related == (entity("checkout"),)


def test_a_secret_is_told_as_a_secret() -> None:
    facts = detect("config_edited", config(manager("cert-manager", -4, "data.crt"), name="checkout-tls"))
    assert [(fact.kind, fact.attributes["keys"]) for fact in facts] == [("change.secret_edited", "crt")]


def test_a_key_that_git_has_and_the_object_has_no_longer_is_lost() -> None:
    gone = FieldChange(path="data.RETRY_BUDGET", before="0.2", after=None)
    facts = detect(
        "config_edited",
        config(manager("kubectl-edit", -4, "data")),
        applications(application()),
        diff("checkout-config", gone, kind="ConfigMap"),
    )
    assert facts[0].text == "configmap checkout-config, used by checkout, lost RETRY_BUDGET at 02:31 by kubectl-edit"
    assert facts[0].attributes["removed"] == "RETRY_BUDGET"


def test_a_key_that_is_asked_for_and_not_there_is_said() -> None:
    ref = ConfigRef(
        workload=entity("checkout"), kind=EntityKind.CONFIGMAP, name="checkout-config", key="URL", via="env URL",
        exists=True, key_exists=False,
    )  # fmt: skip
    facts = detect("config_edited", config(manager("kubectl-edit", -4, "data"), refs=[ref]))
    assert facts[0].attributes["missing"] == "URL"


def event(message: str, minutes: float) -> Observation[Any]:
    one = Event(
        reason="ScalingReplicaSet", message=message, type="Normal", last=ONSET + timedelta(minutes=minutes),
        entity=entity("checkout"),
    )  # fmt: skip
    return seen(Events(events=(one,)), "checkout")


HISTORY = rollouts(rollout("checkout", (-3000, template(container())), (-2000, template(container(memory="1Gi")))))
SCALING = [
    pytest.param(
        "Scaled down replica set checkout-42 from 6 to 1", -2, ["6 -> 1"] * 2, id="Kubernetes 1.31 reports both"
    ),
    pytest.param("Scaled down replica set checkout-42 to 1 from 6", -2, ["6 -> 1"] * 2, id="1.26 the other way round"),
    pytest.param("Scaled down replica set checkout-42 to 1", -2, ["to 1"], id="older ones say only the end"),
    pytest.param(
        "Scaled up replica set checkout-42 to 9 from 6", -2, ["6 -> 9"], id="scaled up long after the rollout"
    ),
    pytest.param("Scaled up replica set checkout-42 to 3 from 2", -1995, [], id="a step of the rollout"),
    pytest.param("Scaled down replica set checkout-41 to 0 from 2", -2, [], id="the old template's pods"),
]


@pytest.mark.parametrize(("message", "minutes", "expected"), SCALING)
def test_a_scaling_is_told_from_a_rollout(message: str, minutes: float, expected: list[str]) -> None:
    facts = detect("replicas_changed", HISTORY, managed(), event(message, minutes))
    assert len(facts) == len(expected)
    assert all(want in fact.text for fact, want in zip(facts, expected, strict=True))


def test_scaling_to_nothing_by_hand_is_scaling_down() -> None:
    facts = detect(
        "replicas_changed",
        HISTORY,
        managed(manager("kubectl-scale", -2, "spec.replicas", subresource="scale"), replicas=0),
    )
    assert {fact.kind: fact.text for fact in facts} == {
        "change.replicas_changed": "checkout was scaled to 0 by hand (kubectl-scale) at 02:33",
        "change.scaled_down": "checkout was scaled to 0 by hand (kubectl-scale) at 02:33",
    }


def test_what_an_autoscaler_scales_is_its_business() -> None:
    scaler = Autoscaler(meta=meta(EntityKind.HPA, "checkout"), target=entity("checkout"), maximum=9)
    scaled = event("Scaled down replica set checkout-42 from 6 to 2", -2)
    assert detect("replicas_changed", HISTORY, managed(), scaled, seen(Autoscalers(autoscalers=(scaler,)))) == []


def service(*managers: Json, closest: bool) -> Observation[Any]:
    found = Service(meta=meta(EntityKind.SERVICE, "checkout", *managers), selector={"app": "checkuot"})
    near = Candidate(
        workload=entity("checkout"), differing_key="app", wanted="checkuot", found="checkout", shared=0
    ) if closest else None  # fmt: skip
    return seen(Services(services=(ServiceView(service=found, closest=near),)), found.meta.entity)


@pytest.mark.parametrize(
    ("managers", "closest", "expected"),
    [
        pytest.param([manager("kubectl-edit", -2, "spec.selector.app")], True, 1, id="written, and it finds no pods"),
        pytest.param([manager("kubectl-edit", -2, "spec.selector.app")], False, 0, id="written, and it finds its pods"),
        pytest.param([manager("kubectl-edit", -2, "spec.type")], True, 0, id="something else was written"),
        pytest.param([manager("kubectl-edit", -9000, "spec.selector.app")], True, 0, id="written last week"),
    ],
)
def test_a_selector_that_was_written_and_finds_nothing(managers: list[Json], closest: bool, expected: int) -> None:
    facts = detect("selector_changed", service(*managers, closest=closest))
    assert len(facts) == expected
    assert all("selector.app checkout -> checkuot" in fact.text for fact in facts)


def test_a_selector_that_differs_from_git_is_told_with_git_s_value() -> None:
    change = FieldChange(path="spec.selector.app", before="checkout", after="checkuot")
    facts = detect(
        "selector_changed",
        service(manager("kubectl-edit", -2, "spec.selector.app"), closest=False),
        applications(application()),
        diff("checkout", change, kind="Service"),
    )
    assert [(fact.strength, fact.attributes["before"]) for fact in facts] == [(1.0, "checkout")]


def test_a_new_network_policy_names_the_workloads_that_it_isolates() -> None:
    policy = NetworkPolicy(
        meta=meta(EntityKind.NETWORKPOLICY, "deny-all", manager("kubectl-create", -3, "spec.podSelector"), created=-3),
        selector=Selector(),
        ingress=(),
    )
    facts = detect("networkpolicy_changed", managed(), seen(NetworkPolicies(policies=(policy,))))
    assert [fact.text for fact in facts] == [
        "networkpolicy deny-all about checkout was created at 02:32 by kubectl-create"
    ]
    assert facts[0].related == (entity("checkout"),)


def test_an_autoscaler_s_new_bounds_are_a_change_of_its_workload() -> None:
    written = manager("argocd-controller", -3, "spec.maxReplicas")
    scaler = Autoscaler(meta=meta(EntityKind.HPA, "checkout", written), target=entity("checkout"), maximum=2)
    facts = detect("autoscaler_changed", seen(Autoscalers(autoscalers=(scaler,))))
    assert [(fact.kind, fact.related, fact.attributes["fields"]) for fact in facts] == [
        ("change.autoscaler_changed", (entity("checkout"),), "spec.maxReplicas")
    ]
