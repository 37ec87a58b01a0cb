"""docs/policy.md says what is so: its policy, Rego, cases and people are read, and give the verdicts that it names."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import yaml

from incidents.policy import Effect
from incidents.scope import Grant
from orchestrator.people_file import parse_people
from orchestrator.policy.cases import read_cases, run_cases
from orchestrator.policy.load import load_policy
from orchestrator.policy.ruling import ruling
from tests.orchestrator.policy.asking import action, question

DOC = (Path(__file__).resolve().parents[3] / "docs" / "policy.md").read_text()
BLOCKS = re.findall(r"```(yaml|rego)\n(.*?)```", DOC, re.DOTALL)


def block(having: str) -> str:
    """The one block with these words."""
    (found,) = [text for _, text in BLOCKS if having in text]
    return found


def written(at: Path) -> Path:
    """The policy of the page: its matrix with the pre-approval before it, its tables, its Rego, its cases."""
    matrix = yaml.safe_load(block("one_of_each"))
    matrix["rules"] = [*yaml.safe_load(block("effect: allow")), *matrix["rules"]]
    document = matrix | yaml.safe_load(block("growth:"))
    (at / "policy.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    (at / "payments.rego").write_text(block("package midwatch.payments"))
    (at / "cases.yaml").write_text(block("cases:"))
    return at


def test_its_cases_hold(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (result,) = run_cases(load_policy(folder), read_cases(folder / "cases.yaml"))
    assert result.differences == (), result.verdict.reason


def test_its_pre_approval_its_freeze_and_its_rego_do_what_they_say(tmp_path: Path) -> None:
    policy = load_policy(written(tmp_path))
    worker = action("restart_workload", target="prod-eu/shop/deployment/checkout-worker")
    payments = action(target="prod-eu/shop/deployment/payments")
    noon = datetime(2026, 11, 17, 12, tzinfo=UTC)
    assert ruling(policy, question(worker, cause="memory_leak")).effect is Effect.ALLOW
    assert "payments settles until four" in ruling(policy, question(payments)).reason
    assert ruling(policy, question(payments, now=noon)).effect is Effect.ASK
    assert "freeze" in ruling(policy, question(payments, now=noon.replace(month=12, day=24))).reason


def test_its_opa_server_is_one(tmp_path: Path) -> None:
    folder = written(tmp_path)
    with (folder / "policy.yaml").open("a") as file:
        file.write(block("opa:"))
    opa = load_policy(folder).opa
    assert opa is not None
    assert (opa.url, opa.path) == ("https://opa.example.com", "midwatch")


def test_its_people_are_who_it_says() -> None:
    found = parse_people(block("oidc_subject"), source="people.yaml")
    (ada,) = found.people
    assert ada.person().roles == ("oncall",)
    assert Grant(role="owner", services=("checkout", "cart")) in ada.person().grants
    assert found.groups["sre"].everywhere == ("oncall",)
