"""Policies and questions of these tests, made with as little noise as possible."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from incidents.action import Reversibility
from incidents.ids import ActionKind, CauseSlug, EntityId, IncidentId
from incidents.policy import ConsideredAction, Done, Policy, PolicyQuestion, Standing
from orchestrator.policy.cases import CaseAction
from orchestrator.policy.load import load_policy
from tests.incidents.making import CHECKOUT, NOW

ASK_ALL = "rules:\n  - {name: everything, effect: ask, approvals: 1, approvers: [oncall]}\n"


def folder(at: Path, yaml: str = ASK_ALL, **rego: str) -> Policy:
    """The policy of a folder with this YAML and these Rego files (name without suffix)."""
    (at / "policy.yaml").write_text(yaml)
    for name, text in rego.items():
        (at / f"{name}.rego").write_text(text)
    return load_policy(at)


def action(kind: str = "rollback_workload", *, target: str = CHECKOUT, pods: int = 6, **more: Any) -> ConsideredAction:
    given = {"action": ActionKind(kind), "target": EntityId(target), "pods": pods, **more}
    return CaseAction.model_validate(given).considered


def question(*actions: ConsideredAction, now: datetime | str = NOW, **about: Any) -> PolicyQuestion:
    given: dict[str, Any] = {
        "actions": actions or (action(),),
        "at": now,
        "incident": IncidentId("inc-aaaaaaaaaaaa"),
        "cause": CauseSlug("memory_limit_too_low"),
        "confidence": 0.9,
        "usd_per_hour": 0.04,
    }
    return PolicyQuestion.model_validate(given | about)


def done(*, minutes_ago: float = 10, target: str = CHECKOUT, pods: int = 6, incident: str = "inc-b") -> Done:
    name = target.split("/", 3)[-1]
    return Done(
        at=NOW - timedelta(minutes=minutes_ago),
        incident=IncidentId(incident),
        kind="rollback_workload",
        target=EntityId(target),
        services=(name,),
        pods=pods,
    )


def standing(*things: Done, **used: int) -> Standing:
    return Standing(done=things, used={name.replace("_", " "): number for name, number in used.items()})


IRREVERSIBLE = Reversibility.IRREVERSIBLE
