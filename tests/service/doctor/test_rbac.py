"""The shipped roles hold exactly what probes read and what actions declare: no more, no less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.executor.readiness import EXCESS, _Declaring
from service.doctor.kubernetes import SECRETS, WRITES, reading_needs
from tools.action import actions
from tools.kubernetes.access import Need

MANIFESTS = Path(__file__).parents[3] / "deploy/kubernetes/rbac.yaml"


def manifests() -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(MANIFESTS.read_text()) if document]


def granted(*roles: str) -> set[Need]:
    """Every permission of these roles."""
    return {
        Need(verb=verb, group=group, resource=name.partition("/")[0], subresource=name.partition("/")[2])
        for document in manifests()
        if document["kind"] == "ClusterRole" and document["metadata"]["name"] in roles
        for rule in document["rules"]
        for group in rule["apiGroups"]
        for name in rule["resources"]
        for verb in rule["verbs"]
    }


def declared() -> set[Need]:
    return {need for action in actions().values() if isinstance(action, _Declaring) for need in action.needs}


def test_the_reader_may_read_what_probes_read_and_no_secrets() -> None:
    assert granted("midwatch-reader") == {need for need in reading_needs() if need.resource != SECRETS}


def test_the_executor_may_do_what_actions_declare() -> None:
    assert granted("midwatch-executor", "midwatch-executor-nodes") == declared()


def test_nodes_are_apart_so_that_the_rest_can_be_bound_to_namespaces() -> None:
    assert {need.resource for need in granted("midwatch-executor-nodes")} == {"nodes"}
    assert "nodes" not in {need.resource for need in granted("midwatch-executor")}


@pytest.mark.parametrize("need", [*EXCESS, *WRITES], ids=lambda need: need.text)
def test_the_reader_may_do_nothing_that_doctor_warns_of(need: Need) -> None:
    assert need not in granted("midwatch-reader")


@pytest.mark.parametrize("need", EXCESS, ids=lambda need: need.text)
def test_no_action_needs_what_doctor_calls_too_much(need: Need) -> None:
    assert need not in declared()
    assert need not in granted("midwatch-executor", "midwatch-executor-nodes")


def test_every_role_is_bound_to_its_own_account() -> None:
    bound = {
        (document["roleRef"]["name"], document["subjects"][0]["name"])
        for document in manifests()
        if document["kind"] == "ClusterRoleBinding"
    }
    assert bound == {
        ("midwatch-reader", "midwatch-reader"),
        ("midwatch-executor", "midwatch-executor"),
        ("midwatch-executor-nodes", "midwatch-executor"),
    }
