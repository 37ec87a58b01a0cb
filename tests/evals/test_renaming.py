"""Renaming: every scenario of the library still loads, nothing keeps its name, and what happens stays the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.harness.renaming import renamed
from evals.harness.scenarios import LIBRARY, jobs
from worlds.faults.secret_edit import SecretEdit
from worlds.scenario.load import load_scenario

SCENARIOS = [job.path for job in jobs()]
REFERENCE = LIBRARY / "bad-deploy" / "checkout-memory-limit.yaml"


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_renamed_scenario_says_the_same_about_other_names(path: Path) -> None:
    scenario = load_scenario(path)
    other = renamed(scenario, 7)
    assert len(other.estate.workloads) == len(scenario.estate.workloads)
    own = [w for w in scenario.estate.workloads if not w.namespace.startswith("kube-")]
    assert not {w.name for w in other.estate.workloads} & {w.name for w in own}
    assert not {w.namespace for w in other.estate.workloads} & {w.namespace for w in own}
    assert [fault.kind for fault in other.faults] == [fault.kind for fault in scenario.faults]
    assert [fault.at for fault in other.faults] == [fault.at for fault in scenario.faults]
    assert (other.truth.cause, other.truth.actions) == (scenario.truth.cause, scenario.truth.actions)


def test_no_old_name_is_left_where_something_is_served() -> None:
    plain = renamed(load_scenario(REFERENCE), 3).model_dump(mode="json")
    served = json.dumps({key: plain[key] for key in ("estate", "faults", "decoys", "truth")})
    for name in ("checkout", "payments", "orders-db", "harbour", "prod-eu-1", "mobile-api", "storefront"):
        routes = f"/{name}"
        assert name not in served.replace(f'"{routes}', "").replace(routes, ""), name


def test_the_same_seed_gives_the_same_names_and_another_seed_others() -> None:
    scenario = load_scenario(REFERENCE)
    assert renamed(scenario, 1) == renamed(scenario, 1)
    assert renamed(scenario, 1) != renamed(scenario, 2)


def test_what_points_at_something_still_points_at_it() -> None:
    scenario = renamed(load_scenario(REFERENCE), 5)
    [fault] = scenario.faults
    entity = scenario.truth.entity.split("/")
    assert fault.workloads() == (f"{entity[0]}/{entity[2]}",)
    assert entity[1] == "deployment"


def test_tables_that_are_looked_up_by_a_name_are_renamed_too() -> None:
    scenario = renamed(load_scenario(LIBRARY / "delayed-onset" / "payments-key-rotated-earlier.yaml"), 7)
    (fault,) = scenario.faults
    called = {call.to for workload in scenario.estate.workloads for call in workload.calls}
    assert isinstance(fault, SecretEdit)
    assert set(fault.effect.calls_fail) <= called


def test_parts_of_the_cluster_keep_the_names_that_kubernetes_gave_them() -> None:
    scenario = renamed(load_scenario(LIBRARY / "nodes" / "mobile-kube-proxy.yaml"), 7)
    [proxy] = [w for w in scenario.estate.workloads if w.labels.get("k8s-app") == "kube-proxy"]
    assert proxy.key == "kube-system/kube-proxy"


def test_whom_an_ingress_leads_to_is_renamed_too() -> None:
    scenario = renamed(load_scenario(LIBRARY / "routing" / "mobile-host-misrouted.yaml"), 7)
    told = json.dumps([fault.model_dump(mode="json") for fault in scenario.faults])
    assert '"name": "web"' not in told
    assert "api.harbour.example" not in told
