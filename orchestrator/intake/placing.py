"""Puts the alerts of one delivery into incidents.

Decides by `incidents.correlation`, writes everything in the transaction.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from incidents.alert import Alert, AlertStatus, Severity
from incidents.canonical import Json
from incidents.correlation import GROUP_WINDOW, NEIGHBOUR_WINDOW, Arriving, Ignored, Joined, Opened, OpenIncident, place
from incidents.ids import IncidentId
from incidents.incident import CLOSED, EventKind, JoinReason, Phase
from incidents.ledger import EntryKind
from incidents.lifecycle import after_alerts
from incidents.proposal import ProposalStatus
from incidents.topology import Topology
from incidents.value import Scalar
from orchestrator.decisions import supersede
from orchestrator.intake.opening import entities_of, incident_id, start_of, title_of
from orchestrator.jobs import Task, enqueue
from orchestrator.settings import Settings
from orchestrator.store import alerts as alert_rows
from orchestrator.store import incidents as incident_rows
from orchestrator.store.alerts import Known
from orchestrator.store.casefiles import topology_of
from orchestrator.store.ledger import record
from orchestrator.store.proposals import proposals_of
from orchestrator.store.timeline import append_event
from orchestrator.store.transaction import Tx
from orchestrator.version import GRAPH_VERSION

ACTOR = "intake"
OPEN_PROPOSALS = (ProposalStatus.PENDING, ProposalStatus.APPROVED)


@dataclass(kw_only=True)
class _Change:
    """What this delivery does to one incident."""

    incident: IncidentId
    opens: bool = False
    joined: list[Arriving] = field(default_factory=list)
    resolved: list[Arriving] = field(default_factory=list)
    fires_again: list[Arriving] = field(default_factory=list)
    because: str = ""

    @property
    def firing(self) -> list[Arriving]:
        """Alerts by which the incident grows."""
        return [*self.joined, *self.fires_again]


class Placing:
    """One delivery's alerts on their way into incidents. `opened` and `changed` say afterwards what became of them."""

    def __init__(self, tx: Tx, *, settings: Settings, group_key: str, now: datetime) -> None:
        self._tx, self._settings, self._group_key, self._now = tx, settings, group_key, now
        self._changes: dict[IncidentId, _Change] = {}
        self._written: list[alert_rows.Joined] = []
        self._among: list[OpenIncident] = []
        self._topology = Topology()

    @property
    def opened(self) -> tuple[IncidentId, ...]:
        """Incidents that were opened."""
        return tuple(change.incident for change in self._changes.values() if change.opens)

    @property
    def changed(self) -> tuple[IncidentId, ...]:
        """Incidents that were there before and changed."""
        return tuple(change.incident for change in self._changes.values() if not change.opens)

    async def place(self, new: Sequence[Arriving], changed: Sequence[Arriving], *, known: Sequence[Known]) -> None:
        """Decide and write."""
        if not new and not changed:
            return
        await self._look_around(known)
        homes = {(k.fingerprint, k.starts_at): k.incident for k in known}
        for arriving in changed:
            self._change(arriving, homes.get((arriving.alert.fingerprint, arriving.alert.starts_at)))
        for arriving in new:
            self._place(arriving)
        await self._write()

    async def _look_around(self, known: Sequence[Known]) -> None:
        homes = sorted({k.incident for k in known if k.incident is not None})
        since = self._now - GROUP_WINDOW
        self._among = list(await incident_rows.open_for_correlation(self._tx, since=since, besides=homes))
        prints = {i.id: frozenset(k.fingerprint for k in known if k.incident == i.id) for i in self._among}
        self._among = [i.model_copy(update={"fingerprints": prints[i.id]}) for i in self._among]
        near = [i.id for i in self._among if self._now - i.last_alert_at <= NEIGHBOUR_WINDOW]
        if near:
            self._topology = await topology_of(self._tx, near)

    def _change(self, arriving: Arriving, home: IncidentId | None) -> None:
        """An alert that is known resolves or fires again.

        One whose incident is closed by now is placed like a new one.
        """
        stands = any(incident.id == home for incident in self._among)
        if arriving.alert.status is AlertStatus.FIRING and not stands:
            self._place(arriving)
            return
        self._written.append(_row(arriving, home, reason=None, because=""))
        if home is not None and stands:
            change = self._changes.setdefault(home, _Change(incident=home))
            (change.resolved if arriving.alert.status is AlertStatus.RESOLVED else change.fires_again).append(arriving)

    def _place(self, arriving: Arriving) -> None:
        match place(arriving, among=self._among, topology=self._topology, now=self._now):
            case Ignored(because=because):
                self._written.append(_row(arriving, None, reason=None, because=because))
            case Joined(incident=incident, reason=reason, because=because):
                self._join(arriving, incident, reason, because)
            case Opened(because=because):
                incident = incident_id(arriving.alert, opened_at=self._now)
                self._changes[incident] = _Change(incident=incident, opens=True, because=because)
                self._among.append(self._as_open(arriving, incident))
                self._join(arriving, incident, JoinReason.OPENED, because)

    def _join(self, arriving: Arriving, incident: IncidentId, reason: JoinReason, because: str) -> None:
        self._written.append(_row(arriving, incident, reason=reason, because=because))
        change = self._changes.setdefault(incident, _Change(incident=incident))
        change.because = change.because or because
        if arriving.alert.status is AlertStatus.RESOLVED:
            change.resolved.append(arriving)
            return
        change.joined.append(arriving)
        self._among = [_grown(i, arriving, now=self._now) if i.id == incident else i for i in self._among]

    def _as_open(self, arriving: Arriving, incident: IncidentId) -> OpenIncident:
        return OpenIncident(
            id=incident,
            cluster=arriving.cluster,
            phase=Phase.OPEN,
            entities=entities_of([arriving]),
            groups=(arriving.group_key,),
            fingerprints=frozenset({arriving.alert.fingerprint}),
            last_alert_at=self._now,
        )

    async def _write(self) -> None:
        """Incidents first (rows in one order everywhere), then alerts, then what follows from both."""
        for incident in sorted(self._changes):
            change = self._changes[incident]
            await (self._open(change) if change.opens else self._grow(change))
        await alert_rows.write_alerts(self._tx, self._written, group_key=self._group_key, now=self._now)
        counts = await alert_rows.firing_count(self._tx, sorted(self._changes))
        for incident in sorted(self._changes):
            await self._tell(self._changes[incident], firing=counts[incident])
            await enqueue(self._tx, Task.ADVANCE, incident)

    async def _open(self, change: _Change) -> None:
        first = min(change.joined, key=lambda a: (self._severity(a.alert), a.alert.starts_at))
        await incident_rows.insert_incident(
            self._tx,
            change.incident,
            title=title_of(first.alert, entity=first.entity),
            severity=min(self._severity(a.alert) for a in change.joined),
            cluster=first.cluster,
            entities=entities_of(change.joined),
            groups=(self._group_key,),
            opened_at=self._now,
            started_at=start_of([a.alert for a in change.joined], now=self._now),
            graph_version=GRAPH_VERSION,
        )
        payload: dict[str, Json] = {
            "alerts": [[a.alert.fingerprint, a.alert.starts_at.isoformat(), a.alert.name] for a in change.joined],
            "entities": list(entities_of(change.joined)),
            "because": change.because,
        }
        record(
            self._tx,
            kind=EntryKind.INCIDENT_OPENED,
            incident=change.incident,
            actor=ACTOR,
            at=self._now,
            payload=payload,
        )

    async def _grow(self, change: _Change) -> None:
        await incident_rows.lock_incident(self._tx, change.incident)
        if change.firing:
            await incident_rows.grow_incident(
                self._tx,
                change.incident,
                severity=min(self._severity(a.alert) for a in change.firing),
                entities=entities_of(change.firing),
                group=self._group_key,
                started_at=start_of([a.alert for a in change.firing], now=self._now),
                now=self._now,
            )

    async def _tell(self, change: _Change, *, firing: int) -> None:
        for alerts, words in (
            (change.joined, "fires"),
            (change.fires_again, "fires again"),
            (change.resolved, "resolved"),
        ):
            if alerts:
                text = f"{_names(alerts)} {words}" + (f" ({change.because})" if words == "fires" else "")
                data: dict[str, Scalar] = {"count": len(alerts), "firing": firing}
                await append_event(
                    self._tx, change.incident, kind=EventKind.ALERT, actor=ACTOR, text=text, at=self._now, data=data
                )
        await self._follow(change, firing=firing)

    async def _follow(self, change: _Change, *, firing: int) -> None:
        """The phase follows the alerts where the lifecycle says so.

        A proposal for a trouble that is over is withdrawn.
        """
        incident = await incident_rows.incident_of(self._tx, change.incident)
        effect = after_alerts(incident.phase, firing=firing, joined=len(change.firing))
        if effect.to is None or change.opens:
            return
        if effect.to in CLOSED:
            for stored in await proposals_of(self._tx, incident.id):
                if stored.status in OPEN_PROPOSALS:
                    await supersede(self._tx, stored, because=effect.because, actor=ACTOR, now=self._now)
        await incident_rows.move(
            self._tx, incident.id, to=effect.to, because=effect.because, actor=ACTOR, now=self._now
        )

    def _severity(self, alert: Alert) -> Severity:
        return self._settings.severity_of(alert.labels)


def _row(
    arriving: Arriving, incident: IncidentId | None, *, reason: JoinReason | None, because: str
) -> alert_rows.Joined:
    return alert_rows.Joined(
        alert=arriving.alert, entity=arriving.entity, incident=incident, reason=reason, because=because
    )


def _grown(incident: OpenIncident, arriving: Arriving, *, now: datetime) -> OpenIncident:
    return incident.model_copy(
        update={
            "entities": tuple(dict.fromkeys((*incident.entities, *entities_of([arriving])))),
            "groups": tuple(dict.fromkeys((*incident.groups, arriving.group_key))),
            "fingerprints": incident.fingerprints | {arriving.alert.fingerprint},
            "last_alert_at": now,
        }
    )


def _names(arriving: Sequence[Arriving]) -> str:
    """`KubePodCrashLooping, TargetDown (3 of them)`."""
    counts = Counter(a.alert.name for a in arriving)
    return ", ".join(name if count == 1 else f"{name} ({count} of them)" for name, count in counts.items())
