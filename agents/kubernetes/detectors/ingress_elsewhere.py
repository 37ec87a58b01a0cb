"""Ingresses that lead to another application than the one they belong to, while nothing leads to that one any more."""

from collections.abc import Iterable, Iterator

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import latest
from agents.reporting import state
from agents.wording import since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.ingress import Ingress, Ingresses
from tools.kubernetes.metadata import ObjectMeta
from tools.kubernetes.service import Service, Services
from tools.probe import Observation

ELSEWHERE = FactSpec(
    kind=FactKind("ingress.leads_elsewhere"),
    role=FactRole.STATE,
    meaning="An ingress of one application leads to the service of another, and no ingress leads to its own.",
    attributes={
        "service": "id of the service that it leads to",
        "meant": "id of the service that it most likely means",
        "host": "host of the rule",
    },
)
APP = ("app.kubernetes.io/name", "app")
"""Labels by which objects say which application they belong to."""


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per ingress."""
    services = {one.service.meta.entity: one.service for seen in sightings.of(Services) for one in seen.view.services}
    for seen in sightings.of(Ingresses):
        reached = {backend.service for ingress in seen.view.ingresses for backend in ingress.backends}
        for ingress in seen.view.ingresses:
            meant = _meant(ingress, services.values())
            led = [backend for backend in ingress.backends if backend.service_exists]
            if meant and meant.meta.entity not in reached and led and len(led) == len(ingress.backends):
                yield _fact(ingress, led[0].service, meant.meta.entity, host=led[0].host, seen=seen, scene=scene)


def _meant(ingress: Ingress, services: Iterable[Service]) -> Service | None:
    """The one service of its namespace that bears the name of its application; None when several or none do."""
    names = set(_apps(ingress.meta))
    found = [one for one in services if one.meta.namespace == ingress.meta.namespace and names & set(_apps(one.meta))]
    return found[0] if len(found) == 1 else None


def _apps(meta: ObjectMeta) -> Iterator[str]:
    labelled = [meta.labels[key] for key in APP if key in meta.labels]
    yield from labelled or [meta.name]


def _fact(
    ingress: Ingress, service: EntityId, meant: EntityId, *, host: str, seen: Observation[Ingresses], scene: Scene
) -> Fact:
    written = [one.at for one in ingress.meta.managers if any(field.startswith("spec") for field in one.fields)]
    at, created = latest(written), ingress.meta.created
    at = at if at and (created is None or at > created) else None
    names = [one.rsplit("/", 1)[1] for one in (service, meant)]
    return state(
        ELSEWHERE,
        entity=ingress.meta.entity,
        text=f"ingress {ingress.meta.name} leads to service {names[0]}{since(at, now=scene.now)}, and nothing leads to "
        f"{names[1]}",
        seen=[seen],
        at=at,
        related=[meant],
        detector=DETECTOR.name,
        service=service,
        meant=meant,
        host=host or None,
    )


DETECTOR = Detector(name="kubernetes.ingress_elsewhere", emits=(ELSEWHERE,), needs=(Ingresses, Services), detect=detect)
