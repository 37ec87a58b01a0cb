"""Services that lead nowhere: nothing selected, nothing ready, or a selector that misses by one label."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import earliest, latest, pods_of
from agents.reporting import state
from agents.wording import since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.selector import Selector
from tools.kubernetes.service import Services, ServiceView
from tools.probe import Observation

NO_ENDPOINTS = FactSpec(
    kind=FactKind("service.no_endpoints"),
    role=FactRole.MECHANISM,
    meaning="No ready pod stands behind a service.",
    attributes={
        "selector": "the selector, as kubectl writes it",
        "ports": "its ports, by comma",
        "unready": "endpoints that are there and not ready",
    },
)
SELECTOR_MISMATCH = FactSpec(
    kind=FactKind("service.selector_mismatch"),
    role=FactRole.STATE,
    meaning="A service selects no workload, and one differs from its selector by few labels.",
    attributes={
        "selector": "the selector",
        "closest_workload": "id of the workload that it most likely means",
        "differing_key": "the label that differs",
        "wanted": "what the selector asks for",
        "found": "what the pods have; empty when they lack it",
    },
)
ENDPOINTS_NOT_READY = FactSpec(
    kind=FactKind("service.endpoints_not_ready"),
    role=FactRole.SYMPTOM,
    meaning="Some of the endpoints of a service are not ready.",
    attributes={"ready": "ready endpoints", "total": "all endpoints"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """Facts of every service with a selector whose workload wants pods."""
    for seen in sightings.of(Services):
        for view in seen.view.services:
            service = view.service
            if not service.selector or service.external_name:
                continue
            if service.ready == 0:
                yield _none(view, seen, sightings, scene)
            elif any(not endpoint.ready and not endpoint.terminating for endpoint in service.endpoints):
                yield _some(view, seen)
            if view.closest is not None:
                yield _mismatch(view, seen)


def _none(view: ServiceView, seen: Observation[Services], sightings: Sightings, scene: Scene) -> Fact:
    service = view.service
    selector = Selector(labels=service.selector).text
    pods = [one for one in pods_of(sightings) if one.pod.workload in service.workloads]
    lost = [condition.changed for one in pods if (condition := one.pod.condition("Ready")) and not condition.holds]
    rewritten = latest(m.at for m in service.meta.managers if any(f.startswith("spec.selector") for f in m.fields))
    at = earliest(lost) or (rewritten if view.closest else None)
    total = sum(not endpoint.terminating for endpoint in service.endpoints)
    state_of_it = f"{total} endpoints, none ready" if total else "no endpoints"
    return state(
        NO_ENDPOINTS,
        entity=service.meta.entity,
        text=f"service {service.meta.name} has {state_of_it} (selector {selector}){since(at, now=scene.now)}",
        seen=[seen, *(one.seen for one in pods)],
        at=at,
        related=service.workloads,
        detector=DETECTOR.name,
        selector=selector,
        ports=",".join(str(port.number) for port in service.ports),
        unready=total,
    )


def _some(view: ServiceView, seen: Observation[Services]) -> Fact:
    service = view.service
    total = sum(not endpoint.terminating for endpoint in service.endpoints)
    return state(
        ENDPOINTS_NOT_READY,
        entity=service.meta.entity,
        text=f"only {service.ready} of {total} endpoints of service {service.meta.name} are ready",
        seen=[seen],
        at=None,
        related=service.workloads,
        detector=DETECTOR.name,
        ready=service.ready,
        total=total,
    )


def _mismatch(view: ServiceView, seen: Observation[Services]) -> Fact:
    service, closest = view.service, view.closest
    assert closest is not None
    has = f"has {closest.found}" if closest.found else "lacks it"
    managers = service.meta.managers
    at = latest(m.at for m in managers if any(field.startswith("spec.selector") for field in m.fields))
    return state(
        SELECTOR_MISMATCH,
        entity=service.meta.entity,
        text=f"service {service.meta.name} selects {closest.differing_key}={closest.wanted}; "
        f"{closest.workload.rsplit('/', 1)[1]} {has}",
        seen=[seen],
        at=at if at and service.meta.created and at > service.meta.created else None,
        related=[closest.workload],
        detector=DETECTOR.name,
        selector=Selector(labels=service.selector).text,
        closest_workload=closest.workload,
        differing_key=closest.differing_key,
        wanted=closest.wanted,
        found=closest.found,
    )


DETECTOR = Detector(
    name="kubernetes.service_endpoints",
    emits=(NO_ENDPOINTS, SELECTOR_MISMATCH, ENDPOINTS_NOT_READY),
    needs=(Services,),
    detect=detect,
)
