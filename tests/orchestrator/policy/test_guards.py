"""What makes a change harder or impossible: growth, freezes and limits of the YAML, by the Rego that is shipped."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from incidents.policy import ConsideredAction, Effect, PolicyQuestion
from orchestrator.policy.ruling import ruling
from tests.incidents.making import NOW
from tests.orchestrator.policy.asking import ASK_ALL, IRREVERSIBLE, action, done, folder, question, standing

STAGING = "staging-eu/shop/deployment/checkout"
BANK = "prod-eu/bank/deployment/ledger"
CART = "prod-eu/shop/deployment/cart"

GROWTH = (
    ASK_ALL
    + """
environments: [{name: staging, clusters: [staging-*]}]
growth:
  - {name: pods, pods_over: 10, environments: [production]}
  - {name: callers, callers_over: 3, add: 2}
  - {name: gone for good, reversibility: [irreversible], pods_over: 5}
  - {name: money, usd_per_hour_over: 5}
  - {name: doubt, confidence_under: 0.5}
"""
)
MANY_CALLERS = action(callers=4)


@pytest.mark.parametrize(
    ("asked", "approvals"),
    [
        pytest.param(question(), 1, id="nothing out of the ordinary"),
        pytest.param(question(action(pods=10)), 1, id="at a threshold is not over it"),
        pytest.param(question(action(pods=11)), 2, id="more pods"),
        pytest.param(question(action(pods=11, target=STAGING)), 1, id="more pods in staging"),
        pytest.param(question(MANY_CALLERS), 3, id="an entry may ask for two more"),
        pytest.param(question(action(undo=IRREVERSIBLE)), 2, id="all thresholds of an entry are crossed"),
        pytest.param(question(action(undo=IRREVERSIBLE, pods=5)), 1, id="only one of two is crossed"),
        pytest.param(question(usd_per_hour=6), 2, id="it costs more"),
        pytest.param(question(usd_per_hour=None), 1, id="what it costs is unknown"),
        pytest.param(question(confidence=0.49), 2, id="the diagnosis is doubtful"),
        pytest.param(question(action(pods=11), usd_per_hour=6, confidence=0.1), 4, id="everything adds up"),
        pytest.param(question(action(), action(pods=11)), 2, id="one of two actions is larger"),
    ],
)
def test_approvals_grow(tmp_path: Path, asked: PolicyQuestion, approvals: int) -> None:
    found = ruling(folder(tmp_path, GROWTH), asked)
    assert (found.effect, found.approvals) == (Effect.ASK, approvals), found.reason


FREEZES = (
    ASK_ALL
    + """
environments: [{name: staging, clusters: [staging-*]}]
calendar:
  - {name: end of the year, start: 2026-12-23T17:00:00+01:00, end: 2027-01-04T08:00:00+01:00}
  - {name: weekend, weekly: [{start: fri 17:00, end: mon 08:00}], timezone: Europe/Berlin}
freezes:
  - {name: the end-of-year freeze, during: [end of the year], environments: [production]}
  - {name: weekends are quiet, during: [weekend], services: [checkout], add: 1}
"""
)


@pytest.mark.parametrize(
    ("target", "moment", "effect", "approvals"),
    [
        pytest.param(CART, "2026-12-23T15:59:00+00:00", Effect.ASK, 1, id="before the freeze"),
        pytest.param(CART, "2026-12-23T16:00:00+00:00", Effect.DENY, 0, id="the freeze began"),
        pytest.param(STAGING, "2026-12-24T12:00:00+00:00", Effect.ASK, 1, id="staging is not frozen"),
        pytest.param(CART, "2027-01-04T07:00:00+00:00", Effect.ASK, 1, id="the freeze is over"),
        pytest.param(CART, "2026-11-21T12:00:00+00:00", Effect.ASK, 1, id="a weekend, and another service"),
        pytest.param(
            "prod-eu/shop/deployment/checkout", "2026-11-21T12:00:00+00:00", Effect.ASK, 2, id="one more on weekends"
        ),
    ],
)
def test_freezes(tmp_path: Path, target: str, moment: str, effect: Effect, approvals: int) -> None:
    found = ruling(folder(tmp_path, FREEZES), question(action(target=target), now=moment))
    assert (found.effect, found.approvals) == (effect, approvals), found.reason
    assert (effect is Effect.DENY) == ("the end-of-year freeze is in force" in found.reason)


def test_a_row_may_be_for_a_maintenance_window_only(tmp_path: Path) -> None:
    text = """
calendar: [{name: tuesday night, weekly: [{start: tue 02:00, end: tue 04:00}]}]
rules: [{name: in the window, windows: [tuesday night], effect: ask}]
"""
    policy = folder(tmp_path, text)
    assert ruling(policy, question(now=NOW)).effect is Effect.ASK
    assert ruling(policy, question(now=NOW + timedelta(hours=2))).effect is Effect.DENY


LIMITS = (
    ASK_ALL
    + """
limits:
  - {name: calm, per: hour, most_actions: 3, most_pods: 40}
  - {name: one service, per: service, most_actions: 2, most_pods: 20}
  - {name: one incident, per: incident, most_actions: 2, actions: [rollback_workload]}
"""
)
OWN = "inc-aaaaaaaaaaaa"


@pytest.mark.parametrize(
    ("before", "actions", "says"),
    [
        pytest.param([], [action()], "", id="nothing was done yet"),
        pytest.param([done(target=CART), done(target=BANK)], [action()], "", id="the third of an hour"),
        pytest.param(
            [done(target=f"prod-eu/s/deployment/{n}") for n in "abc"], [action()], "calm: this would be change number 4",
            id="the fourth of an hour",
        ),
        pytest.param([done(target=CART)] * 2 + [done(minutes_ago=61)], [action()], "", id="one was longer ago"),
        pytest.param(
            [done(), done()], [action()], "one service: this would be change number 3", id="the third of one service"
        ),
        pytest.param([done(), done()], [action(target=CART)], "", id="another service is another budget"),
        pytest.param(
            [done(target="prod-us/shop/deployment/checkout"), done(target="prod-us/shop/deployment/checkout")],
            [action()], "", id="the same name in another cluster is another service",
        ),
        pytest.param([done(pods=15)], [action(pods=6)], "21 pods would be touched", id="the pods of one service"),
        pytest.param([], [action(pods=21)], "21 pods would be touched", id="alone larger than the budget"),
        pytest.param([], [action(pods=11), action(pods=10)], "21 pods", id="its own actions together"),
        pytest.param(
            [done(incident=OWN, minutes_ago=300, target=CART), done(incident=OWN, minutes_ago=200, target=CART)],
            [action()], "one incident: this would be change number 3", id="an incident counts from its beginning",
        ),
    ],
)  # fmt: skip
def test_limits_count_what_was_executed(
    tmp_path: Path, before: list[Any], actions: list[ConsideredAction], says: str
) -> None:
    found = ruling(folder(tmp_path, LIMITS), question(*actions, standing=standing(*before)))
    assert found.effect is (Effect.DENY if says else Effect.ASK), found.reason
    assert says in found.reason


PREAPPROVAL = """
rules:
  - name: restart the workers
    actions: [restart_workload]
    services: [checkout]
    causes: [memory_*]
    max_pods: 10
    min_confidence: 0.8
    effect: allow
    until: 2026-12-31T00:00:00Z
    signed_by: ada@example.com
    uses: 2
    reason: They leak and restart in a minute.
  - {name: others, actions: [restart_workload], effect: ask, approvers: [oncall]}
growth: [{name: money, usd_per_hour_over: 5}]
"""
RESTART = action("restart_workload")


@pytest.mark.parametrize(
    ("asked", "effect"),
    [
        pytest.param(question(RESTART), Effect.ALLOW, id="exactly what was signed"),
        pytest.param(question(RESTART, standing=standing(restart_the_workers=1)), Effect.ALLOW, id="one use is left"),
        pytest.param(question(RESTART, standing=standing(restart_the_workers=2)), Effect.ASK, id="it is used up"),
        pytest.param(question(action("restart_workload", pods=11)), Effect.ASK, id="it touches more pods"),
        pytest.param(question(RESTART, confidence=0.7), Effect.ASK, id="it is less certain"),
        pytest.param(question(RESTART, cause="certificate_expired"), Effect.ASK, id="another cause"),
        pytest.param(question(action("restart_workload", target=CART)), Effect.ASK, id="another service"),
        pytest.param(question(RESTART, now="2026-12-31T00:00:00+00:00"), Effect.ASK, id="it ended"),
        pytest.param(
            question(RESTART, usd_per_hour=9), Effect.ASK, id="out of the ordinary: people are asked after all"
        ),
        pytest.param(question(RESTART, action("delete_pod")), Effect.DENY, id="together with what nobody allows"),
    ],
)
def test_pre_approvals(tmp_path: Path, asked: PolicyQuestion, effect: Effect) -> None:
    found = ruling(folder(tmp_path, PREAPPROVAL), asked)
    assert found.effect is effect, found.reason
    assert [one.signed_by for one in found.preapprovals] == (["ada@example.com"] if effect is Effect.ALLOW else [])
