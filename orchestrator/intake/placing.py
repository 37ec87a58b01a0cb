"""Puts the alerts of one delivery into incidents.

Decides by `incidents.correlation`, writes everything in the transaction.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from incidents.alert import Alert, AlertStatus, Severity
from incidents.canonical import Json
from incidents.correlation import GROUP_WINDOW, NEIGHBOUR_WINDOW, Among, Arriving, Ignored, Joined, Opened, OpenIncident
from incidents.ids import Fingerprint, IncidentId
from incidents.incident import CLOSED, EventKind, JoinReason, Phase
from incidents.ledger import EntryKind
from incidents.lifecycle import after_alerts
from incidents.proposal import ProposalStatus
from incidents.topology import Topology
from incidents.value import Scalar
from orchestrator.decisions import supersede
from orchestrator.intake.opening import entities_of, incident_id, start_of, title_of
from orchestrator.jobs import Task, enqueue_all
from orchestrator.settings import Settings
from orchestrator.store import alerts as alert_rows
from orchestrator.store import incidents as incident_rows
from orchestrator.store.alerts import Known
from orchestrator.store.casefiles import topology_of
from orchestrator.store.incidents import Opening, insert_incidents
from orchestrator.store.ledger import record
from orchestrator.store.proposals import proposals_of
from orchestrator.store.timeline import Line, append_events
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
        self._among = Among((), topology=Topology())

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
        found = await incident_rows.open_for_correlation(self._tx, since=since, besides=homes)
        near = [i.id for i in found if self._now - i.last_alert_at <= NEIGHBOUR_WINDOW]
        topology = await topology_of(self._tx, near) if near else Topology()
        prints: dict[IncidentId, set[Fingerprint]] = {}
        for one in known:
            if one.incident is not None:
                prints.setdefault(one.incident, set()).add(one.fingerprint)
        self._among = Among((_with_prints(i, prints.get(i.id, ())) for i in found), topology=topology)

    def _change(self, arriving: Arriving, home: IncidentId | None) -> None:
        """An alert that is known resolves or fires again.

        One whose incident is closed by now is placed like a new one.
        """
        stands = home is not None and self._among.get(home) is not None
        if arriving.alert.status is AlertStatus.FIRING and not stands:
            self._place(arriving)
            return
        self._written.append(_row(arriving, home, reason=None, because=""))
        if home is not None and stands:
            change = self._changes.setdefault(home, _Change(incident=home))
            (change.resolved if arriving.alert.status is AlertStatus.RESOLVED else change.fires_again).append(arriving)

    def _place(self, arriving: Arriving) -> None:
        match self._among.place(arriving, now=self._now):
            case Ignored(because=because):
                self._written.append(_row(arriving, None, reason=None, because=because))
            case Joined(incident=incident, reason=reason, because=because):
                self._join(arriving, incident, reason, because)
            case Opened(because=because):
                incident = incident_id(arriving.alert, opened_at=self._now)
                self._changes[incident] = _Change(incident=incident, opens=True, because=because)
                self._among.put(self._as_open(arriving, incident))
                self._join(arriving, incident, JoinReason.OPENED, because)

    def _join(self, arriving: Arriving, incident: IncidentId, reason: JoinReason, because: str) -> None:
        self._written.append(_row(arriving, incident, reason=reason, because=because))
        change = self._changes.setdefault(incident, _Change(incident=incident))
        change.because = change.because or because
        if arriving.alert.status is AlertStatus.RESOLVED:
            change.resolved.append(arriving)
            return
        change.joined.append(arriving)
        if (joined := self._among.get(incident)) is not None:
            self._among.put(_grown(joined, arriving, now=self._now))

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
        changes = [self._changes[incident] for incident in sorted(self._changes)]
        await self._open([change for change in changes if change.opens])
        for change in changes:
            if not change.opens:
                await self._grow(change)
        await alert_rows.write_alerts(self._tx, self._written, group_key=self._group_key, now=self._now)
        firing = await alert_rows.firing_count(self._tx, [change.incident for change in changes])
        lines = [line for change in changes for line in _lines(change, firing=firing[change.incident])]
        await append_events(self._tx, lines, at=self._now)
        for change in changes:
            if not change.opens:
                await self._follow(change, firing=firing[change.incident])
        await enqueue_all(self._tx, Task.ADVANCE, [change.incident for change in changes])

    async def _open(self, changes: Sequence[_Change]) -> None:
        await insert_incidents(self._tx, [self._opening(change) for change in changes])
        for change in changes:
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

    def _opening(self, change: _Change) -> Opening:
        first = min(change.joined, key=lambda a: (self._severity(a.alert), a.alert.starts_at))
        return Opening(
            id=change.incident,
            title=title_of(first.alert, entity=first.entity),
            severity=min(self._severity(a.alert) for a in change.joined),
            cluster=first.cluster,
            entities=entities_of(change.joined),
            groups=(self._group_key,),
            opened_at=self._now,
            started_at=start_of([a.alert for a in change.joined], now=self._now),
            graph_version=GRAPH_VERSION,
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

    async def _follow(self, change: _Change, *, firing: int) -> None:
        """The phase follows the alerts where the lifecycle says so.

        A proposal for a trouble that is over is withdrawn.
        """
        incident = await incident_rows.incident_of(self._tx, change.incident)
        effect = after_alerts(incident.phase, firing=firing, joined=len(change.firing))
        if effect.to is None:
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


def _lines(change: _Change, *, firing: int) -> Iterator[Line]:
    """What the timeline tells of it."""
    for alerts, words in (
        (change.joined, "fires"),
        (change.fires_again, "fires again"),
        (change.resolved, "resolved"),
    ):
        if alerts:
            text = f"{_names(alerts)} {words}" + (f" ({change.because})" if words == "fires" else "")
            data: dict[str, Scalar] = {"count": len(alerts), "firing": firing}
            yield Line(incident=change.incident, kind=EventKind.ALERT, actor=ACTOR, text=text, data=data)


def _row(
    arriving: Arriving, incident: IncidentId | None, *, reason: JoinReason | None, because: str
) -> alert_rows.Joined:
    return alert_rows.Joined(
        alert=arriving.alert, entity=arriving.entity, incident=incident, reason=reason, because=because
    )


def _with_prints(incident: OpenIncident, prints: Collection[Fingerprint]) -> OpenIncident:
    return incident.model_copy(update={"fingerprints": frozenset(prints)}) if prints else incident


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
