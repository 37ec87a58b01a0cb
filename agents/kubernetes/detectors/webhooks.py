"""Admission webhooks and aggregated APIs that nobody answers for."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.detectors.admission import WEBHOOK_BLOCKS
from agents.reporting import state
from agents.wording import since
from incidents.entity import Entity, EntityKind
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.webhook import ApiService, Webhook, WebhookConfiguration, Webhooks
from tools.probe import Observation

API_UNAVAILABLE = FactSpec(
    kind=FactKind("apiservice.unavailable"),
    role=FactRole.MECHANISM,
    meaning="An aggregated API (metrics, custom metrics) does not answer; autoscalers depend on it.",
    attributes={"name": "name of the APIService", "reason": "what the API server says"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per webhook that must answer and has nobody behind it, and per API that is not available."""
    for seen in sightings.of(Webhooks):
        for configuration in seen.view.configurations:
            for hook in configuration.webhooks:
                if hook.ready == 0 and hook.failure_policy == "Fail":
                    yield _silent(configuration, hook, seen)
        cluster = _cluster(seen)
        if cluster is not None:
            yield from (_api(api, cluster, seen, scene) for api in seen.view.api_services if not api.available)


def _cluster(seen: Observation[Webhooks]) -> EntityId | None:
    ids = [*seen.entities, *(one.meta.entity for one in seen.view.configurations)]
    name = Entity.parse(ids[0]).cluster if ids else None
    return Entity(cluster=name, kind=EntityKind.CLUSTER, name=name).id if name else None


def _silent(configuration: WebhookConfiguration, hook: Webhook, seen: Observation[Webhooks]) -> Fact:
    own = Entity.parse(configuration.meta.entity)
    return state(
        WEBHOOK_BLOCKS,
        entity=Entity(cluster=own.cluster, kind=EntityKind.CLUSTER, name=own.cluster).id,
        text=f"webhook {hook.name} of {configuration.meta.name} must answer and has no ready endpoint",
        seen=[seen],
        at=None,
        related=[configuration.meta.entity, *([hook.service] if hook.service else [])],
        detector=DETECTOR.name,
        name=hook.name,
        reason="no_endpoints",
        failure_policy=hook.failure_policy,
    )


def _api(api: ApiService, cluster: EntityId, seen: Observation[Webhooks], scene: Scene) -> Fact:
    return state(
        API_UNAVAILABLE,
        entity=cluster,
        text=f"API {api.name} is not available ({api.reason}){since(api.since, now=scene.now)}",
        seen=[seen],
        at=api.since,
        detector=DETECTOR.name,
        name=api.name,
        reason=api.reason,
    )


DETECTOR = Detector(
    name="kubernetes.webhooks", emits=(WEBHOOK_BLOCKS, API_UNAVAILABLE), needs=(Webhooks,), detect=detect
)
