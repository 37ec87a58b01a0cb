"""Finds names that a workload can no longer resolve although the setting that holds them has long been the same.

Such a name was found until now: whoever owns it has lost it. A name that came with a change was never found at all.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import takewhile

from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time
from incidents.action import name_of
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.config_ref import ConfigRefs
from tools.kubernetes.naming import hosts_in
from tools.kubernetes.revision import Revision, Rollouts
from tools.probe import Observation

SPEC = FactSpec(
    kind=FactKind("address.used_before"),
    role=FactRole.STATE,
    meaning="A name that a workload does not resolve any more has stood in its settings since long before.",
    attributes={"host": "the name", "since": "since when its settings name it, ISO 8601"},
)
SETTLED = timedelta(hours=6)
"""A name that was set this long before it failed has been asked for: an hour's cache and a night's quiet are over."""


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per workload and name that its log complains about."""
    for complaint in scene.case.facts:
        host = _unresolved(complaint)
        if not host or complaint.at is None:
            continue
        found = _since(complaint.entity, host, sightings, scene)
        if found is not None and complaint.at - found[0] >= SETTLED:
            yield _fact(complaint, host, since=found[0], seen=found[1], scene=scene)


def _unresolved(fact: Fact) -> str:
    """The name that a log does not resolve; empty when the fact speaks of something else."""
    if fact.kind != "log.error_class" or fact.attributes.get("class") != "dns":
        return ""
    return str(fact.attributes.get("peer") or "").partition(":")[0].lower()


Since = tuple[datetime, Observation[Rollouts] | Observation[ConfigRefs]]


def _since(entity: EntityId, host: str, sightings: Sightings, scene: Scene) -> Since | None:
    """Since when the settings of a workload name a host, and what shows it."""
    for seen in sightings.of(Rollouts):
        rollout = seen.view.of(entity)
        run = list(takewhile(lambda one: _names(one, host), rollout.revisions)) if rollout else []
        if run and run[-1].created is not None:
            return run[-1].created, seen
    return _by_config(entity, host, sightings, scene)


def _by_config(entity: EntityId, host: str, sightings: Sightings, scene: Scene) -> Since | None:
    """A name that stands in a ConfigMap has been there since that was written last, at the latest."""
    called = {Entity.parse(one) for one in scene.case.topology.callees(entity)}
    if host not in {one.name for one in called if one.kind is EntityKind.EXTERNAL}:
        return None
    for seen in sightings.of(ConfigRefs):
        maps = [one for one in seen.view.objects if one.kind is EntityKind.CONFIGMAP and entity in one.used_by]
        written = [one.changed for one in maps if one.changed is not None]
        if maps and len(written) == len(maps):
            return max(written), seen
    return None


def _names(revision: Revision, host: str) -> bool:
    return host in _hosts(revision)


def _hosts(revision: Revision) -> set[str]:
    values = (
        (variable.name, variable.value)
        for one in revision.template.containers
        for variable in one.env
        if variable.value
    )
    words = (("", word) for one in revision.template.containers for word in (*one.command, *one.args))
    return set(_all_hosts((*values, *words)))


def _all_hosts(values: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, value in values:
        yield from hosts_in(name, value)


def _fact(
    complaint: Fact,
    host: str,
    *,
    since: datetime,
    seen: Observation[Rollouts] | Observation[ConfigRefs],
    scene: Scene,
) -> Fact:
    return state(
        SPEC,
        entity=complaint.entity,
        text=f"{name_of(complaint.entity)} has been set to {host} since {clock_time(since, now=scene.now)}, "
        "long before that name was not found any more",
        seen=[seen],
        at=since,
        related=complaint.related,
        detector=DETECTOR.name,
        host=host,
        since=since.isoformat(),
    )


DETECTOR = Detector(name="cicd.address_used", emits=(SPEC,), needs=(Rollouts, ConfigRefs), detect=detect)
