"""Taking in: committed with everything that follows, repeated without effect, grouped into the right incident."""

from __future__ import annotations

import asyncio
import random
import string
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from incidents.approval import Channel, Choice, Refused
from incidents.casefile import Report
from incidents.finding import AgentName
from incidents.ids import IncidentId
from incidents.incident import JoinReason, Phase
from incidents.ledger import EntryKind
from incidents.proposal import ProposalStatus
from incidents.topology import Edge, Relation, Topology
from orchestrator.decisions import decide
from orchestrator.intake.errors import Malformed, TooLarge
from orchestrator.intake.payload import parse
from orchestrator.intake.take_in import Receipt, take_in
from orchestrator.settings import Settings
from orchestrator.store.alerts import heartbeats, joined_alerts_of
from orchestrator.store.casefiles import add_report
from orchestrator.store.database import Store
from orchestrator.store.incidents import incident_of, list_incidents, move
from orchestrator.store.ledger import entries
from orchestrator.store.proposals import proposal_by, save_proposal
from orchestrator.store.timeline import timeline_of
from tests.incidents.making import CHECKOUT, person, proposal
from tests.orchestrator.conftest import both_servers
from tests.orchestrator.making import at, body, raw_alert

NOW = at("02:48:00")
JOBS = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'advance'")
EVERYTHING = text(
    "SELECT (SELECT count(*) FROM alert), (SELECT count(*) FROM incident), (SELECT count(*) FROM timeline_event),"
    " (SELECT count(*) FROM ledger), (SELECT count(*) FROM procrastinate_jobs), (SELECT max(changed_at) FROM alert)"
)
FIRING, RESOLVED = raw_alert(deployment="checkout"), raw_alert(deployment="checkout", status="resolved")


async def count_jobs(store: Store) -> int:
    async with store.transaction() as tx:
        return int((await tx.execute(JOBS)).scalar_one())


async def only_incident(store: Store) -> IncidentId:
    async with store.transaction() as tx:
        [found] = await list_incidents(tx)
    return found.id


@both_servers
async def test_a_new_alert_opens_an_incident_with_its_job_in_one_transaction(store: Store, settings: Settings) -> None:
    receipt = await take_in(store, body(), settings=settings, now=NOW)
    [opened] = receipt.opened
    assert receipt == Receipt(received=1, new=1, opened=(opened,))
    async with store.transaction() as tx:
        incident = await incident_of(tx, opened)
        assert (incident.phase, incident.entities, incident.cluster) == (Phase.OPEN, (CHECKOUT,), "prod-eu")
        assert (incident.started_at, incident.opened_at) == (at("02:47:00"), NOW)
        assert incident.title == "CheckoutErrors of checkout"
        assert incident.severity.label == "SEV1"
        [alert] = await joined_alerts_of(tx, opened)
        assert (alert.reason, alert.because) == (JoinReason.OPENED, "no incident is open in prod-eu")
        assert [event.text for event in await timeline_of(tx, opened)] == [
            "CheckoutErrors fires (no incident is open in prod-eu)"
        ]
        assert [entry.kind async for entry in entries(tx)] == [EntryKind.INCIDENT_OPENED]
    assert await count_jobs(store) == 1


@both_servers
async def test_a_repeat_changes_nothing_but_when_it_was_last_seen(store: Store, settings: Settings) -> None:
    first = await take_in(store, body(FIRING), settings=settings, now=NOW)
    async with store.transaction() as tx:
        before = (await tx.execute(EVERYTHING)).one()
    for hours in (4, 8):
        again = await take_in(store, body(FIRING), settings=settings, now=NOW + timedelta(hours=hours))
        assert again == Receipt(received=1, repeated=1)
    async with store.transaction() as tx:
        assert (await tx.execute(EVERYTHING)).one() == before
        [alert] = await joined_alerts_of(tx, first.opened[0])
        assert (alert.first_seen, alert.last_seen) == (NOW, NOW + timedelta(hours=8))
        times = (await tx.execute(text("SELECT times FROM delivery"))).scalars().all()
        assert times == [3]


async def test_a_resolution_closes_and_its_retries_do_nothing(store: Store, settings: Settings) -> None:
    await take_in(store, body(FIRING), settings=settings, now=NOW)
    incident = await only_incident(store)
    for seconds in (60, 61, 70):
        receipt = await take_in(store, body(RESOLVED), settings=settings, now=NOW + timedelta(seconds=seconds))
        assert receipt.resolved == (1 if seconds == 60 else 0)
    async with store.transaction() as tx:
        assert (await incident_of(tx, incident)).phase is Phase.RESOLVED
        assert [event.text for event in await timeline_of(tx, incident)][1:] == [
            "CheckoutErrors resolved",
            "all alerts resolved",
        ]


async def test_resolved_before_firing_opens_nothing_and_stays_resolved(store: Store, settings: Settings) -> None:
    assert (await take_in(store, body(RESOLVED), settings=settings, now=NOW)).opened == ()
    late = await take_in(store, body(FIRING), settings=settings, now=NOW + timedelta(seconds=2))
    assert (late.repeated, late.opened) == (1, ())
    again = await take_in(store, body(FIRING), settings=settings, now=NOW + timedelta(hours=1))
    assert len(again.opened) == 1, "an hour later it is no late notification: it fires"


async def test_mixed_status_in_one_notification(store: Store, settings: Settings) -> None:
    await take_in(
        store,
        body(raw_alert(pod="a-1", deployment="checkout"), raw_alert(pod="b-1", deployment="checkout")),
        settings=settings,
        now=NOW,
    )
    mixed = body(
        raw_alert(pod="a-1", deployment="checkout", status="resolved"), raw_alert(pod="b-1", deployment="checkout")
    )
    receipt = await take_in(store, mixed, settings=settings, now=NOW + timedelta(minutes=1))
    assert (receipt.resolved, receipt.repeated) == (1, 1)
    async with store.transaction() as tx:
        assert (await incident_of(tx, await only_incident(store))).phase is Phase.OPEN


async def test_a_truncated_group_keeps_the_count(store: Store, settings: Settings) -> None:
    await take_in(store, body(truncatedAlerts=12), settings=settings, now=NOW)
    async with store.transaction() as tx:
        assert (await tx.execute(text("SELECT truncated FROM delivery"))).scalar_one() == 12


async def test_the_same_labels_with_another_start_are_another_alert_of_the_incident(
    store: Store, settings: Settings
) -> None:
    await take_in(store, body(FIRING), settings=settings, now=NOW)
    flapped = raw_alert(deployment="checkout", starts_at="2026-11-17T02:55:00Z")
    receipt = await take_in(store, body(flapped), settings=settings, now=at("02:56:00"))
    assert (receipt.new, receipt.opened) == (1, ())
    async with store.transaction() as tx:
        reasons = [alert.reason for alert in await joined_alerts_of(tx, await only_incident(store))]
    assert reasons == [JoinReason.OPENED, JoinReason.SAME_ALERT]


async def test_a_bad_alert_is_kept_beside_the_good_ones(store: Store, settings: Settings) -> None:
    sent = body(FIRING, {**raw_alert(pod="x-1"), "startsAt": "soon"})
    for seconds in (0, 5):
        receipt = await take_in(store, sent, settings=settings, now=NOW + timedelta(seconds=seconds))
        assert receipt.rejected == 1
    async with store.transaction() as tx:
        [row] = (await tx.execute(text("SELECT position, problem, raw FROM rejected_alert"))).all()
    assert row.position == 1
    assert "startsAt" in row.problem
    assert "x-1" in row.raw


async def test_heartbeats_are_noted_and_open_nothing(store: Store, settings: Settings) -> None:
    sent = body(raw_alert("Watchdog"), raw_alert("InfoInhibitor"))
    for minutes in (0, 5):
        receipt = await take_in(store, sent, settings=settings, now=NOW + timedelta(minutes=minutes))
        assert receipt == Receipt(received=2, heartbeats=2)
    async with store.transaction() as tx:
        assert [(beat.name, beat.cluster, beat.last_seen) for beat in await heartbeats(tx)] == [
            ("InfoInhibitor", "prod-eu", NOW + timedelta(minutes=5)),
            ("Watchdog", "prod-eu", NOW + timedelta(minutes=5)),
        ]
        assert await list_incidents(tx) == ()


async def test_a_group_of_several_things_is_one_incident_titled_by_the_worst(store: Store, settings: Settings) -> None:
    sent = body(
        raw_alert("PodSlow", deployment="cart", severity="warning"),
        FIRING,
        raw_alert("Minor", deployment="web", severity="info"),
    )
    receipt = await take_in(store, sent, settings=settings, now=NOW)
    assert len(receipt.opened) == 1
    async with store.transaction() as tx:
        incident = await incident_of(tx, receipt.opened[0])
        reasons = {alert.alert.name: alert.reason for alert in await joined_alerts_of(tx, incident.id)}
    assert incident.title == "CheckoutErrors of checkout"
    assert len(incident.entities) == 3
    assert reasons == {
        "PodSlow": JoinReason.OPENED,
        "CheckoutErrors": JoinReason.SAME_GROUP,
        "Minor": JoinReason.SAME_GROUP,
    }


async def test_a_worse_alert_raises_the_severity_and_an_earlier_one_the_start(store: Store, settings: Settings) -> None:
    await take_in(store, body(raw_alert(deployment="checkout", severity="info")), settings=settings, now=NOW)
    worse = raw_alert("Worse", deployment="checkout", starts_at="2026-11-17T02:40:00Z")
    await take_in(store, body(worse, group="another"), settings=settings, now=NOW)
    async with store.transaction() as tx:
        incident = await incident_of(tx, await only_incident(store))
    assert (incident.severity.label, incident.started_at) == ("SEV1", at("02:40:00"))


async def test_a_neighbour_that_specialists_found_joins(store: Store, settings: Settings) -> None:
    await take_in(store, body(FIRING), settings=settings, now=NOW)
    incident = await only_incident(store)
    edge = Edge(source=CHECKOUT, relation=Relation.CALLS, target="prod-eu/shop/statefulset/db")
    async with store.transaction() as tx:
        await add_report(tx, incident, Report(agent=AgentName.KUBERNETES, round=1, topology=Topology.of([edge])))
    sent = body(raw_alert("DatabaseSlow", statefulset="db"), group="db", groupLabels={"statefulset": "db"})
    assert (await take_in(store, sent, settings=settings, now=NOW)).changed == (incident,)
    stranger = body(raw_alert("OtherSlow", statefulset="other"), group="other", groupLabels={"statefulset": "other"})
    assert len((await take_in(store, stranger, settings=settings, now=NOW)).opened) == 1


async def test_a_resolution_after_days_of_silence_still_closes(store: Store, settings: Settings) -> None:
    await take_in(store, body(FIRING), settings=settings, now=NOW)
    receipt = await take_in(store, body(RESOLVED), settings=settings, now=NOW + timedelta(days=3))
    assert receipt.resolved == 1
    async with store.transaction() as tx:
        assert (await incident_of(tx, await only_incident(store))).phase is Phase.RESOLVED


async def test_clusters_do_not_mix(store: Store, settings: Settings) -> None:
    eu, us = raw_alert(deployment="checkout"), raw_alert(deployment="checkout", cluster="prod-us")
    receipt = await take_in(store, body(eu, us), settings=settings, now=NOW)
    assert len(receipt.opened) == 2


async def test_an_alert_that_fires_again_after_its_incident_closed_opens_another(
    store: Store, settings: Settings
) -> None:
    await take_in(store, body(FIRING), settings=settings, now=NOW)
    first = await only_incident(store)
    await take_in(store, body(RESOLVED), settings=settings, now=NOW + timedelta(minutes=1))
    receipt = await take_in(store, body(FIRING), settings=settings, now=NOW + timedelta(minutes=30))
    [second] = receipt.opened
    assert second != first


async def test_what_resolves_by_itself_withdraws_the_proposal(store: Store, settings: Settings) -> None:
    await take_in(store, body(FIRING), settings=settings, now=NOW)
    incident = await only_incident(store)
    made = proposal(incident=incident, created_at=NOW)
    async with store.transaction() as tx:
        for phase in (Phase.INVESTIGATING, Phase.AWAITING_DECISION):
            await move(tx, incident, to=phase, because="x", actor="x", now=NOW)
        await save_proposal(tx, made)
    await take_in(store, body(RESOLVED), settings=settings, now=NOW + timedelta(minutes=1))
    async with store.transaction() as tx:
        assert (await incident_of(tx, incident)).phase is Phase.RESOLVED
        assert (await proposal_by(tx, made.digest)).status is ProposalStatus.SUPERSEDED
    answer = await decide(store, made.digest, person=person(), choice=Choice.APPROVE, channel=Channel.API, now=NOW)
    assert isinstance(answer, Refused)


async def test_alerts_that_resolve_during_a_change_leave_it_to_verification(store: Store, settings: Settings) -> None:
    await take_in(store, body(FIRING), settings=settings, now=NOW)
    incident = await only_incident(store)
    async with store.transaction() as tx:
        for phase in (Phase.INVESTIGATING, Phase.EXECUTING):
            await move(tx, incident, to=phase, because="x", actor="x", now=NOW)
    await take_in(store, body(RESOLVED), settings=settings, now=NOW + timedelta(minutes=1))
    async with store.transaction() as tx:
        assert (await incident_of(tx, incident)).phase is Phase.EXECUTING


async def test_absurd_times_do_not_become_the_start_of_an_incident(store: Store, settings: Settings) -> None:
    await take_in(
        store, body(raw_alert(deployment="checkout", starts_at="0001-01-01T00:00:00Z")), settings=settings, now=NOW
    )
    await take_in(
        store,
        body(raw_alert("F", deployment="cart", starts_at="2099-01-01T00:00:00Z"), group="f", groupLabels={"a": "b"}),
        settings=settings,
        now=NOW,
    )
    async with store.transaction() as tx:
        assert {incident.started_at for incident in await list_incidents(tx)} == {NOW}
    again = await take_in(
        store, body(raw_alert(deployment="checkout", starts_at="0001-01-01T00:00:00Z")), settings=settings, now=NOW
    )
    assert again.repeated == 1


RANDOM = "".join(random.Random(1).choices(string.ascii_letters, k=16_000))


@pytest.mark.parametrize(
    ("alert", "envelope"),
    [
        pytest.param({"deployment": " ", "pod": " ", "node": " "}, {}, id="blank names"),
        pytest.param({"namespace": "a/b", "deployment": "c/d"}, {}, id="a namespace with a slash"),
        pytest.param({"namespace": RANDOM, "deployment": RANDOM}, {}, id="names that no index could hold"),
        pytest.param({"team": "\0", "deployment": "a\0b", "\0": "c"}, {}, id="NUL in an alert"),
        pytest.param({"team": "\ud800", "\udfff": "x"}, {}, id="half a letter in an alert"),
        pytest.param({}, {"groupKey": "\0", "receiver": "\0", "externalURL": "\0"}, id="NUL around the alerts"),
        pytest.param({}, {"groupKey": "\ud800", "groupLabels": {"\ud800": "\0"}}, id="half a letter around the alerts"),
        pytest.param({}, {"groupKey": RANDOM * 7, "receiver": RANDOM * 7}, id="an endless key of the group"),
        pytest.param({}, {"truncatedAlerts": 2**31}, id="more truncated alerts than 32 bits count"),
        pytest.param({}, {"truncatedAlerts": 2**64}, id="more truncated alerts than 64 bits count"),
    ],
)
async def test_what_is_odd_about_one_alert_loses_none_of_its_group(
    alert: dict[str, str], envelope: dict[str, Any], store: Store, settings: Settings
) -> None:
    odd = {**raw_alert("Odd", **alert), "annotations": {"summary": "a\ud800\0"}}
    bad = {**raw_alert("Bad"), "status": "\ud800\0"}
    sent = body(raw_alert(deployment="checkout"), odd, bad, **envelope)
    receipt = await take_in(store, sent, settings=settings, now=NOW)
    assert (receipt.new, receipt.rejected) == (2, 1)
    again = await take_in(store, sent, settings=settings, now=NOW)
    assert (again.new, again.repeated, again.opened) == (0, 2, ())


def test_groups_whose_endless_keys_differ_at_the_end_stay_apart() -> None:
    keys = {parse(body(group=RANDOM * 7 + end), now=NOW).group_key for end in "ab"}
    assert len(keys) == 2
    assert all(len(key) < 20_000 for key in keys)


async def test_nothing_is_stored_of_what_is_refused(store: Store, settings: Settings) -> None:
    small = settings.model_copy(
        update={"webhook": settings.webhook.model_copy(update={"max_bytes": 2000, "max_alerts": 3})}
    )
    with pytest.raises(Malformed):
        await take_in(store, b"{}", settings=small, now=NOW)
    with pytest.raises(TooLarge, match="at most 2000"):
        await take_in(store, b" " * 2001, settings=small, now=NOW)
    with pytest.raises(TooLarge, match="max_alerts"):
        await take_in(
            store,
            body(
                *({"status": "firing", "labels": {"a": str(n)}, "startsAt": "2026-11-17T02:47:00Z"} for n in range(4))
            ),
            settings=small,
            now=NOW,
        )
    async with store.transaction() as tx:
        assert (await tx.execute(text("SELECT count(*) FROM delivery"))).scalar_one() == 0


@both_servers
async def test_the_same_new_group_at_once_opens_one_incident(store: Store, settings: Settings) -> None:
    sent = [body(raw_alert(pod=f"p{n}-1"), raw_alert(pod=f"q{n}-1")) for n in range(6)]
    receipts = await asyncio.gather(*(take_in(store, one, settings=settings, now=NOW) for one in sent * 2))
    assert sum(len(receipt.opened) for receipt in receipts) == 1
    assert sum(receipt.new for receipt in receipts) == 12
    async with store.transaction() as tx:
        assert len(await joined_alerts_of(tx, await only_incident(store))) == 12


async def test_every_alert_of_a_batch_is_taken_in(store: Store, settings: Settings) -> None:
    """What it costs is measured by `make bench`."""
    batches = [body(*(raw_alert(pod=f"b{batch}-p{n}") for n in range(50)), group=f"g{batch}") for batch in range(6)]
    await take_in(store, batches[0], settings=settings, now=NOW)
    for batch in batches[1:]:
        assert (await take_in(store, batch, settings=settings, now=NOW)).new == 50
