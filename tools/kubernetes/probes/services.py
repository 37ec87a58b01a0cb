"""Services with their ready and unready endpoints, the workloads they select, and the one they nearly select."""

from collections.abc import Iterable, Sequence

from incidents.entity import EntityKind
from incidents.evidence import Source
from tools.estate import Cluster
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import entity_id
from tools.kubernetes.observing import observed
from tools.kubernetes.parallel import parallel
from tools.kubernetes.probes.workloads import KINDS
from tools.kubernetes.resources import ENDPOINT_SLICES
from tools.kubernetes.scope import Found, Where, list_in, list_kind
from tools.kubernetes.selecting import Labelled, closest, selected
from tools.kubernetes.service import Services, ServiceView, read_endpoints, read_service
from tools.probe import Observation, Probe

_SERVICE_NAME = "kubernetes.io/service-name"


async def run(cluster: Cluster, where: Where) -> Observation[Services]:
    """List the services of the scope with their endpoints. Raises ToolError."""
    inside = Where(namespace=where.place)
    async with parallel() as group:
        listing = group.create_task(list_kind(cluster, EntityKind.SERVICE, where))
        slices = group.create_task(list_in(cluster, ENDPOINT_SLICES, inside))
        owners = {kind: group.create_task(list_kind(cluster, kind, inside)) for kind in KINDS}
    found, pieces = listing.result(), slices.result()
    workloads = [labelled for kind, task in owners.items() for labelled in _labelled(cluster, kind, task.result())]
    by_service = _by_service(pieces.items)
    views = [
        _view(
            cluster,
            item,
            by_service.get((item.text("metadata", "namespace"), item.word("metadata", "name")), ()),
            workloads,
        )
        for item in found.items
    ]
    about = where.target
    if about is not None and about.is_workload:
        views = [view for view in views if about.id in view.service.workloads or _nearly(view, about.id)]
    return observed(
        cluster,
        Services(services=tuple(sorted(views, key=_interest))),
        probe=PROBE.name,
        title="services",
        where=where,
        found=[found, pieces],
        entities=[view.service.meta.entity for view in views],
    )


def _view(cluster: Cluster, item: Document, slices: Iterable[Document], workloads: Sequence[Labelled]) -> ServiceView:
    service = read_service(item, cluster=cluster.name)
    near = [workload for workload in workloads if workload.namespace == service.meta.namespace]
    picked = selected(service.selector, near)
    whole = service.model_copy(update={"endpoints": read_endpoints(slices, cluster=cluster.name), "workloads": picked})
    lonely = service.selector and not picked and not whole.endpoints
    return ServiceView(
        service=whole, closest=closest(service.selector, near, name=service.meta.name) if lonely else None
    )


def _labelled(cluster: Cluster, kind: EntityKind, found: Found) -> list[Labelled]:
    return [
        Labelled(
            entity=entity_id(cluster.name, kind, item.word("metadata", "name"), item.text("metadata", "namespace")),
            namespace=item.text("metadata", "namespace"),
            labels=item.mapping("spec", "template", "metadata", "labels"),
        )
        for item in found.items
    ]


def _by_service(slices: Iterable[Document]) -> dict[tuple[str | None, str], tuple[Document, ...]]:
    found: dict[tuple[str | None, str], tuple[Document, ...]] = {}
    for piece in slices:
        key = (piece.text("metadata", "namespace"), piece.mapping("metadata", "labels").get(_SERVICE_NAME, ""))
        found[key] = (*found.get(key, ()), piece)
    return found


def _nearly(view: ServiceView, workload: str) -> bool:
    return view.closest is not None and view.closest.workload == workload


def _interest(view: ServiceView) -> tuple[bool, str]:
    return view.service.ready > 0, view.service.meta.entity


PROBE = Probe(
    name="kubernetes.services",
    source=Source.KUBERNETES,
    describe="Services of a scope: selector, ports, ready and unready endpoints, which workloads they select, and "
    "which workload a service that selects nothing most likely means. Ask when a service cannot be reached.",
    args=Where,
    view=Services,
    run=run,
)
