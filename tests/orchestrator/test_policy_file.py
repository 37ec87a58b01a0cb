"""Policy files: the one that is shipped, and what is said about broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from incidents.action import ActionRequest, BlastRadius
from incidents.ids import ActionKind, EntityId
from incidents.policy import ConsideredAction, Effect, PolicyQuestion
from orchestrator.policy.load import InvalidPolicyError, load_policy, parse_policy
from orchestrator.policy.ruling import ruling
from tests.incidents.making import CHECKOUT, NOW

NODE = EntityId("prod-eu/-/node/worker-1")
DNS = EntityId("prod-eu/kube-system/deployment/coredns")


@pytest.mark.parametrize(
    ("kind", "target", "pods", "effect", "approvals"),
    [
        pytest.param(
            "rollback_workload", CHECKOUT, 6, Effect.ASK, 1, id="a rollback in production asks one of on-call"
        ),
        pytest.param("set_resources", CHECKOUT, 51, Effect.ASK, 2, id="beyond 50 pods it asks two"),
        pytest.param("delete_pod", CHECKOUT, 51, Effect.DENY, 0, id="deleting pods on that scale is denied"),
        pytest.param("cordon_node", NODE, 30, Effect.ASK, 1, id="a node asks one of on-call"),
        pytest.param("restart_workload", DNS, 2, Effect.DENY, 0, id="the control plane belongs to people"),
        pytest.param("drop_database", CHECKOUT, 0, Effect.DENY, 0, id="what it does not name is denied"),
    ],
)
def test_the_policy_that_is_shipped(kind: str, target: EntityId, pods: int, effect: Effect, approvals: int) -> None:
    request = ActionRequest(kind=ActionKind(kind), target=target)
    action = ConsideredAction(request=request, reach=BlastRadius(pods=pods))
    found = ruling(load_policy(), PolicyQuestion(actions=(action,), at=NOW))
    assert (found.effect, found.approvals) == (effect, approvals)


def test_the_version_is_that_of_the_meaning() -> None:
    one = parse_policy("rules:\n- {name: a, effect: deny}", source="a")
    assert parse_policy("# why\nrules:\n  - name: a\n    effect: deny\n", source="b").version == one.version
    assert parse_policy("rules:\n- {name: a, effect: ask}", source="a").version != one.version


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("rules: [", "is no YAML", id="no YAML"),
        pytest.param("- a", "one key `rules`", id="a list"),
        pytest.param("rules: []\nextra: 1", "nothing else", id="another key"),
        pytest.param("rules: [deny]", "rule 1: write a row", id="a row that is a word"),
        pytest.param("rules: [{name: a, effect: maybe}]", "rule 1: effect", id="another effect"),
        pytest.param("rules: [{name: a, effect: ask, action: [x]}]", "rule 1: action", id="a misspelt field"),
        pytest.param("rules: [{name: a, effect: ask, approvals: 0}]", "effect: allow", id="asking nobody"),
        pytest.param("rules: [{name: a, effect: ask, approvers: []}]", "at least one role", id="asking no role"),
        pytest.param("rules: [{name: a, effect: allow}]", "names its actions", id="a pre-approval of everything"),
        pytest.param(
            "rules: [{name: a, effect: allow, actions: [x], clusters: [y], until: 2026-12-31T00:00:00}]",
            "time zone",
            id="an end without a time zone",
        ),
    ],
)
def test_a_broken_policy_says_where_and_what(text: str, said: str) -> None:
    with pytest.raises(InvalidPolicyError, match=said):
        parse_policy(text, source="policy.yaml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidPolicyError, match="cannot be read"):
        load_policy(tmp_path / "none.yaml")
