"""Keeps one alert quiet for a bounded time, by a silence that says who wanted it and why.

A silence repairs nothing; it is for noise that people already work on. It is made as narrow as the alert's own labels
allow, and it ends by itself.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from incidents.action import (
    ActionOutcome,
    ActionRequest,
    BlastRadius,
    Fence,
    FieldChange,
    Preview,
    Reversibility,
    Snapshot,
)
from incidents.bound import Narrowable, Order, Unit
from incidents.canonical import digest_of
from incidents.entity import WORKLOADS, Entity, EntityKind
from incidents.ids import ActionKind
from incidents.topology import Topology
from incidents.value import Value
from tools.action import ActionCard, Applied, Progress
from tools.alertmanager.client import SYSTEM, ActiveAlert, AlertmanagerClient, Matcher, Silence
from tools.errors import ConflictError, NotFoundError, PermanentError
from tools.estate import WriteCluster
from tools.observing import configured
from tools.prometheus.selector import pod_pattern

MOST_MINUTES = 240
"""A silence longer than half a shift outlives the people who know why it is there."""
AUTHOR = "midwatch"
NEVER = frozenset({"Watchdog", "InfoInhibitor", "DeadMansSwitch"})
"""Alerts that say that alerting works: silencing them silences everything."""
_OWNER_LABELS = ("deployment", "statefulset", "daemonset", "job_name", "cronjob", "service", "workload", "app")


class Quiet(Value):
    """What is captured: whom the silence would keep quiet, and what is quiet already."""

    matchers: tuple[Matcher, ...]
    mutes: tuple[str, ...]
    """The alerts that are active now and would be muted, as text."""
    already: tuple[str, ...] = ()
    """Silences of exactly these matchers that are in force."""


class SilenceAlert:
    """See the module."""

    card = ActionCard(
        kind=ActionKind("silence_alert"),
        title="Silence an alert",
        describe="Keeps one alert of a workload or the cluster quiet for a bounded time. Repairs nothing.",
        targets=(*sorted(WORKLOADS), EntityKind.CLUSTER),
        arguments={
            "alertname": "name of the alert, as its label says it",
            "duration_minutes": f"minutes, 1 to {MOST_MINUTES}",
            "comment": "why, for those who find the silence",
        },
        required=("alertname", "duration_minutes"),
        narrows={"duration_minutes": Narrowable(order=Order.AT_MOST, unit=Unit.MINUTES)},
        reversibility=Reversibility.EXACT,
        undo_seconds=1,
    )

    async def capture(self, cluster: WriteCluster, request: ActionRequest) -> Snapshot:
        """See which active alerts it would mute. Raises NotFoundError when the alert does not fire."""
        client, name = _client(cluster), _alertname(request)
        target = Entity.parse(request.target)
        active = await client.alerts([Matcher(name="alertname", value=name)])
        own = [alert for alert in active if _belongs(alert, target)]
        if not own:
            raise NotFoundError(f"no alert {name} fires for {target.label}: there is nothing to silence")
        matchers = _matchers(own, target, name=name)
        muted = [alert for alert in active if all(_matches(m, alert) for m in matchers)]
        alive = [s for s in await client.silences() if s.state != "expired" and _same(s, matchers)]
        state = Quiet(matchers=matchers, mutes=_texts(muted), already=tuple(silence.id for silence in alive))
        fence = Fence(uid=f"{SYSTEM}/{name}", content=digest_of([str(matcher) for matcher in matchers]))
        return Snapshot(target=request.target, taken_at=cluster.clock.now(), fence=fence, state=state.model_dump_json())

    async def preview(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot) -> Preview:
        """Which alerts it would mute, and until when. Alertmanager has no dry-run."""
        state, minutes = Quiet.model_validate_json(snapshot.state), _minutes(request)
        until = cluster.clock.now() + timedelta(minutes=minutes)
        refusal = f"{SYSTEM} keeps exactly these alerts quiet already" if state.already else None
        return Preview(
            accepted=refusal is None,
            by="computed: Alertmanager has no dry-run",
            diff=(
                FieldChange(path="silence.matchers", before=None, after=_text(state.matchers)),
                FieldChange(path="silence.endsAt", before=None, after=f"{until:%Y-%m-%d %H:%M} UTC"),
            ),
            warnings=tuple(f"mutes {alert}" for alert in state.mutes),
            refusal=refusal,
        )

    def blast_radius(self, request: ActionRequest, topology: Topology) -> BlastRadius:  # noqa: ARG002 - an action's form
        """It touches no workload; people hear less of this one."""
        return BlastRadius(workloads=(request.target,) if Entity.parse(request.target).is_workload else ())

    def summarise(self, request: ActionRequest, snapshot: Snapshot) -> tuple[str, str]:  # noqa: ARG002 - an action's form
        """What is done, and its undo."""
        return f"Silence {_alertname(request)} for {_minutes(request)} min", "expire the silence, at once"

    async def apply(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:
        """Make the silence, once per key. Raises ConflictError when other alerts would be muted than were seen."""
        client = _client(cluster)
        if (made := await _made(client, key)) is not None:
            return Applied(detail=f"silence {made.id} is there already", resource_version=made.id)
        now = await self.capture(cluster, request)
        if now.fence.content != snapshot.fence.content:
            raise ConflictError("the labels of the alert changed since the silence was proposed: look again")
        start = cluster.clock.now()
        silence = await client.put_silence(
            Quiet.model_validate_json(snapshot.state).matchers,
            starts_at=start,
            ends_at=start + timedelta(minutes=_minutes(request)),
            created_by=AUTHOR,
            comment=_comment(request, cluster, key=key),
        )
        return Applied(detail=f"silence {silence} until {_end(start, request):%H:%M}", resource_version=silence)

    async def observe(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Progress:  # noqa: ARG002 - an action's form
        """Look for the silence with this key in its comment."""
        made = await _made(_client(cluster), key)
        if made is None:
            return Progress(outcome=ActionOutcome.NOT_HAPPENED, done=False, text="no silence with this key")
        return Progress(outcome=ActionOutcome.HAPPENED, done=True, text=f"silence {made.id} is {made.state}")

    async def undo(self, cluster: WriteCluster, request: ActionRequest, snapshot: Snapshot, key: str) -> Applied:  # noqa: ARG002 - an action's form
        """Expire what was made, leaving the undo's key in its comment. Raises ConflictError when a person did."""
        client, state = _client(cluster), Quiet.model_validate_json(snapshot.state)
        alive = [s for s in await client.silences() if s.state != "expired" and _same(s, state.matchers)]
        own = [silence for silence in alive if silence.id not in state.already]
        if any(silence.created_by != AUTHOR for silence in own):
            raise ConflictError("a person has changed the silence since: expire it by hand if it is not wanted")
        for silence in own:
            marked = await client.put_silence(
                silence.matchers,
                starts_at=silence.starts_at,
                ends_at=silence.ends_at,
                created_by=AUTHOR,
                comment=f"{silence.comment}\nundone [{key}]",
                replaces=silence.id,
            )
            await client.expire_silence(marked)
        return Applied(detail=f"expired {', '.join(silence.id for silence in own) or 'nothing: it had ended'}")


def _client(cluster: WriteCluster) -> AlertmanagerClient:
    return configured(cluster.alertmanager, system=SYSTEM, cluster=cluster.name)


def _alertname(request: ActionRequest) -> str:
    name = request.arguments.get("alertname")
    if not isinstance(name, str) or not name:
        raise PermanentError("silence_alert needs `alertname`: the name of the alert as its label says it")
    if name in NEVER:
        raise PermanentError(f"{name} tells whether alerting works: it is never silenced")
    return name


def _minutes(request: ActionRequest) -> int:
    minutes = request.arguments.get("duration_minutes")
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 1 <= minutes <= MOST_MINUTES:
        raise PermanentError(f"silence_alert needs `duration_minutes` from 1 to {MOST_MINUTES}, not {minutes!r}")
    return int(minutes)


def _end(start: datetime, request: ActionRequest) -> datetime:
    return start + timedelta(minutes=_minutes(request))


def _comment(request: ActionRequest, cluster: WriteCluster, *, key: str) -> str:
    """Why, for which incident, and the key by which the silence is found again."""
    why = str(request.arguments.get("comment") or request.reason or "approved in Midwatch")
    labels = " ".join(f"{name}={value}" for name, value in sorted(cluster.labels.items()))
    return f"{why}\n{labels} [{key}]".strip()


async def _made(client: AlertmanagerClient, key: str) -> Silence | None:
    return next((silence for silence in await client.silences() if f"[{key}]" in silence.comment), None)


def _belongs(alert: ActiveAlert, target: Entity) -> bool:
    if target.kind is EntityKind.CLUSTER:
        return True
    if alert.labels.get("namespace", target.namespace) != target.namespace:
        return False
    names_somebody = any(label in alert.labels for label in (*_OWNER_LABELS, "pod"))
    return _owner(alert, target) is not None or not names_somebody


def _owner(alert: ActiveAlert, target: Entity) -> Matcher | None:
    """The condition on the label by which the alert names the target; None when no label of it does."""
    for label in _OWNER_LABELS:
        if alert.labels.get(label) == target.name:
            return Matcher(name=label, value=target.name)
    pods = Matcher(name="pod", value=pod_pattern(target), regex=True)
    return pods if _matches(pods, alert) else None


def _matchers(alerts: list[ActiveAlert], target: Entity, *, name: str) -> tuple[Matcher, ...]:
    """As narrow as all of these alerts allow."""
    matchers = [Matcher(name="alertname", value=name)]
    if target.namespace and all(alert.labels.get("namespace") == target.namespace for alert in alerts):
        matchers.append(Matcher(name="namespace", value=target.namespace))
    owners = {_owner(alert, target) for alert in alerts} if target.kind is not EntityKind.CLUSTER else {None}
    if len(owners) == 1 and (owner := owners.pop()) is not None:
        matchers.append(owner)
    return tuple(matchers)


def _matches(matcher: Matcher, alert: ActiveAlert) -> bool:
    value = alert.labels.get(matcher.name, "")
    return re.fullmatch(matcher.value, value) is not None if matcher.regex else value == matcher.value


def _same(silence: Silence, matchers: Iterable[Matcher]) -> bool:
    return set(silence.matchers) == set(matchers)


def _text(matchers: Iterable[Matcher]) -> str:
    return "{" + ", ".join(str(matcher) for matcher in matchers) + "}"


def _texts(alerts: Iterable[ActiveAlert]) -> tuple[str, ...]:
    shown = ("deployment", "pod", "node", "instance", "service")
    return tuple(
        sorted(f"{a.name} {' '.join(a.labels[label] for label in shown if label in a.labels)}".strip() for a in alerts)
    )


ACTION = SilenceAlert()
