"""Admission webhooks and aggregated APIs, and whether anybody answers behind them."""

from collections.abc import Mapping

from incidents.entity import Entity
from incidents.evidence import Source
from incidents.ids import EntityId
from tools.estate import Cluster
from tools.kubernetes.condition import find, read_conditions
from tools.kubernetes.document import Document
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel, permitted
from tools.kubernetes.resources import API_SERVICES, ENDPOINT_SLICES, MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS
from tools.kubernetes.scope import ClusterWide, Found, Where, list_in
from tools.kubernetes.service import read_endpoints
from tools.kubernetes.webhook import ApiService, WebhookConfiguration, Webhooks, read_webhooks
from tools.probe import Observation, Probe


async def run(cluster: Cluster, _: ClusterWide) -> Observation[Webhooks]:
    """List webhook configurations and aggregated APIs. Raises ToolError."""
    everywhere = Where()
    async with parallel() as group:
        validating = group.create_task(permitted(list_in(cluster, VALIDATING_WEBHOOKS, everywhere)))
        mutating = group.create_task(permitted(list_in(cluster, MUTATING_WEBHOOKS, everywhere)))
        aggregated = group.create_task(permitted(list_in(cluster, API_SERVICES, everywhere)))
    answers, apis = (validating.result(), mutating.result()), aggregated.result()
    read = [
        read_webhooks(item, cluster=cluster.name, mutating=changing)
        for one, changing in zip(answers, (False, True), strict=True)
        for item in ([] if isinstance(one, str) else one.items)
    ]
    refused = [one for one in (*answers, apis) if isinstance(one, str)]
    services = {hook.service for one in read for hook in one.webhooks if hook.service}
    ready = await _ready(cluster, services)
    view = Webhooks(
        configurations=tuple(_whole(one, ready) for one in read),
        api_services=()
        if isinstance(apis, str)
        else tuple(_api(item) for item in apis.items if item.has("spec", "service")),
    )
    return observed(
        cluster,
        view,
        probe=PROBE.name,
        title="admission webhooks",
        where=everywhere,
        found=[one for one in (*answers, apis) if not isinstance(one, str)],
        entities=[one.meta.entity for one in view.configurations],
        cut="; ".join(refused) or None,
        complete=() if refused else None,
    )


async def _ready(cluster: Cluster, services: set[EntityId]) -> dict[EntityId, int]:
    """Ready endpoints of each service; those that may not be read are left out."""
    async with parallel() as group:
        tasks = {one: group.create_task(permitted(_slices(cluster, Entity.parse(one)))) for one in sorted(services)}
    answers = {one: task.result() for one, task in tasks.items()}
    return {
        one: sum(endpoint.ready for endpoint in read_endpoints(found.items, cluster=cluster.name))
        for one, found in answers.items()
        if not isinstance(found, str)
    }


async def _slices(cluster: Cluster, service: Entity) -> Found:
    query = {"labelSelector": f"kubernetes.io/service-name={service.name}"}
    return await list_in(cluster, ENDPOINT_SLICES, Where(namespace=service.namespace), query=query)


def _whole(one: WebhookConfiguration, ready: Mapping[EntityId, int]) -> WebhookConfiguration:
    hooks = tuple(
        hook.model_copy(update={"ready": ready.get(hook.service)}) if hook.service else hook for hook in one.webhooks
    )
    return one.model_copy(update={"webhooks": hooks})


def _api(item: Document) -> ApiService:
    available = find(read_conditions(item.at("status")), "Available")
    return ApiService(
        name=item.word("metadata", "name"),
        available=available is None or available.holds,
        reason=available.reason if available else "",
        message=available.message if available else "",
        since=available.changed if available else None,
    )


PROBE = Probe(
    name="kubernetes.webhooks",
    source=Source.KUBERNETES,
    describe="Admission webhooks with their failure policy and the ready endpoints behind them, and aggregated APIs. "
    "Ask when objects cannot be created or the API answers with internal errors.",
    args=ClusterWide,
    view=Webhooks,
    run=run,
)
