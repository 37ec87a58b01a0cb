"""Incidents, proposals and webhook bodies in a store, made with as little noise as possible."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from incidents.alert import Severity
from incidents.ids import IncidentId
from incidents.incident import Phase
from incidents.proposal import Proposal, ProposalStatus
from orchestrator.store.database import Store
from orchestrator.store.incidents import Opening, insert_incidents, move
from orchestrator.store.proposals import save_proposal
from tests.incidents.making import CHECKOUT, NOW, proposal

INCIDENT = IncidentId("inc-aaaaaaaaaaaa")


async def an_incident(store: Store, *, incident: IncidentId = INCIDENT, phases: tuple[Phase, ...] = ()) -> IncidentId:
    """An incident that went through these phases."""
    async with store.transaction() as tx:
        await insert_incidents(
            tx,
            [
                Opening(
                    id=incident,
                    title="Checkout returns 5xx",
                    severity=Severity.SEV1,
                    cluster="prod-eu",
                    entities=(CHECKOUT,),
                    groups=("{}:{a}",),
                    opened_at=NOW,
                    started_at=NOW,
                    graph_version="1",
                )
            ],
        )
        for phase in phases:
            await move(tx, incident, to=phase, because="test", actor="test", now=NOW)
    return incident


async def a_proposal(store: Store, *, incident: IncidentId = INCIDENT, **changes: Any) -> Proposal:
    """An incident that awaits the decision on a proposal."""
    await an_incident(store, incident=incident, phases=(Phase.INVESTIGATING, Phase.AWAITING_DECISION))
    made = proposal(incident=incident, **changes)
    async with store.transaction() as tx:
        await save_proposal(tx, made, status=ProposalStatus.PENDING)
    return made


def raw_alert(
    name: str = "CheckoutErrors", *, status: str = "firing", starts_at: str = "2026-11-17T02:47:00Z", **labels: str
) -> dict[str, Any]:
    """One alert as Alertmanager writes it (fingerprint left to the receiver)."""
    return {
        "status": status,
        "labels": {"alertname": name, "cluster": "prod-eu", "namespace": "shop", "severity": "critical", **labels},
        "annotations": {"summary": f"{name} of {labels.get('deployment', 'something')}"},
        "startsAt": starts_at,
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-17T02:59:00Z",
        "generatorURL": "http://prometheus:9090/graph",
    }


def body(*alerts: dict[str, Any], group: str = '{}:{deployment="checkout"}', **changes: Any) -> bytes:
    """A notification of Alertmanager's webhook."""
    plain = {
        "version": "4",
        "groupKey": group,
        "receiver": "midwatch",
        "status": "firing",
        "groupLabels": {"deployment": "checkout"},
        "externalURL": "http://alertmanager:9093",
        "truncatedAlerts": 0,
        "alerts": list(alerts) or [raw_alert(deployment="checkout")],
        **changes,
    }
    return json.dumps(plain).encode()


def at(text: str) -> datetime:
    """A time of day on the day of the tests."""
    return datetime.fromisoformat(f"2026-11-17T{text}+00:00")
