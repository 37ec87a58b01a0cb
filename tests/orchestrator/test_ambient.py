"""The watcher's rounds: what nobody alerts about becomes one incident, through the same door, and ends like any other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from agents.ambient import Concern, concerns_of
from agents.runbooks.folders import SHIPPED, RunbookFolders
from incidents.ids import EntityId
from incidents.incident import Phase
from orchestrator.ambient import Told, _over, _standing, fingerprint_of, go_round
from service.demo.command import REFERENCE
from tests.agents.cases import NOW, entity, fact
from tests.orchestrator.staging import stage

IDLE = REFERENCE.parents[1] / "cost" / "legacy-quotes-idle.yaml"
LIBRARY = RunbookFolders((SHIPPED,)).library()


async def test_an_idle_workload_that_nothing_alerts_about_is_found_once_and_scaled_down(
    tmp_path: Path, database_url: str
) -> None:
    async with stage(tmp_path, database_url, IDLE, alerts=False) as on:
        [first] = await go_round(on.bench, now=on.clock.now())
        assert len(first.opened) == 1
        incident = await on.until(Phase.AWAITING_DECISION)
        await on.world.advance(600)
        [second] = await go_round(on.bench, now=on.clock.now())
        assert (second.opened, second.repeated) == ((), 1), "the same concern is the same alert"
        [stored] = await on.proposals(incident.id)
        body = stored.proposal.body
        assert (body.cause, body.entity) == ("cost_idle", on.id("lgx-core/deployment/legacy-quotes"))
        assert [action.request.kind for action in body.actions] == ["scale_workload"]
        assert incident.severity.label == "SEV4"
        await on.decide(stored.proposal.digest)
        await on.until(Phase.VERIFYING)
        await on.world.advance(60)
        [third] = await go_round(on.bench, now=on.clock.now())
        assert third.resolved == 1, "a round says that it is over"
        assert (await on.until()).phase is Phase.VERIFIED


def test_the_most_pressing_comes_first_and_pennies_do_not_count() -> None:
    found = concerns_of(
        [
            fact("cost.overprovisioned", None, of="web", usd_per_hour_saving=0.2),
            fact("cost.overprovisioned", None, of="cart", usd_per_hour_saving=0.04),
            fact("cost.overprovisioned", None, of="mail", usd_per_hour_saving=0.9),
            fact("cost.idle", None, of="mail", usd_per_hour=0.3),
            fact("certificate.expiring", None, of="web2"),
            fact("disk.nearly_full", None, of="persistentvolumeclaim/data"),
        ],
        LIBRARY,
    )
    assert [(concern.alertname, concern.entity.rsplit("/", 1)[1]) for concern in found] == [
        ("KubePersistentVolumeFillingUp", "data"),
        ("KubeClientCertificateExpiration", "web2"),
        ("CostIdleWorkload", "mail"),
        ("CostOverprovisioned", "web"),
    ]


def test_what_no_runbook_is_written_for_is_not_told() -> None:
    nothing = RunbookFolders(()).library()
    assert concerns_of([fact("disk.nearly_full", None, of="persistentvolumeclaim/data")], nothing) == ()


CONCERNS = tuple(
    Concern(alertname="CostIdleWorkload", entity=EntityId(entity(name)), summary=f"{name} does nothing")
    for name in ("a", "b", "c", "d")
)


def told(concern: Concern, *, firing: bool) -> dict[str, Told]:
    key = fingerprint_of(concern)
    return {key: Told(fingerprint=key, starts_at=NOW - timedelta(days=1), firing=firing, labels={})}


def test_a_round_opens_only_a_few() -> None:
    alerts = _standing(CONCERNS, {}, most=2, cluster="prod-eu", now=NOW)
    assert [alert["annotations"] for alert in alerts] == [{"summary": "a does nothing"}, {"summary": "b does nothing"}]


@pytest.mark.parametrize(
    ("firing", "starts"),
    [
        pytest.param(True, [NOW - timedelta(days=1)], id="that lasts"),
        pytest.param(False, [], id="that was over lately"),
    ],
)
def test_a_concern_that_was_told_is_not_told_anew(firing: bool, starts: list[object]) -> None:
    alerts = _standing(CONCERNS[:1], told(CONCERNS[0], firing=firing), most=2, cluster="prod-eu", now=NOW)
    assert [alert["startsAt"] for alert in alerts] == [start.isoformat() for start in starts]  # type: ignore[attr-defined]


def test_what_is_gone_resolves_and_what_was_over_stays_so() -> None:
    known = told(CONCERNS[0], firing=True) | told(CONCERNS[1], firing=False) | told(CONCERNS[2], firing=True)
    assert [alert["fingerprint"] for alert in _over([CONCERNS[2]], known)] == [fingerprint_of(CONCERNS[0])]
