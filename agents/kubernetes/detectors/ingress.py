"""Ingresses that lead to services or ports that do not exist."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.ingress import Ingresses

BACKEND_MISSING = FactSpec(
    kind=FactKind("ingress.backend_missing"),
    role=FactRole.STATE,
    meaning="An ingress leads to a service or a port of it that does not exist.",
    attributes={"service": "id of the service", "port": "port as written", "host": "host of the rule"},
)
TLS_MISSING = FactSpec(
    kind=FactKind("ingress.tls_secret_missing"),
    role=FactRole.STATE,
    meaning="An ingress names a TLS secret that does not exist: visitors get the controller's own certificate.",
    attributes={"secret": "name of the secret"},
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:  # noqa: ARG001 - a state has no time
    """One fact per missing backend or secret."""
    for seen in sightings.of(Ingresses):
        for ingress in seen.view.ingresses:
            for backend in ingress.backends:
                if backend.service_exists is False or backend.port_exists is False:
                    service = backend.service.rsplit("/", 1)[1]
                    missing = (
                        f"service {service}" if not backend.service_exists else f"port {backend.port} of {service}"
                    )
                    yield state(
                        BACKEND_MISSING,
                        entity=ingress.meta.entity,
                        text=f"ingress {ingress.meta.name} leads to {missing}, which does not exist",
                        seen=[seen],
                        at=None,
                        related=[backend.service],
                        detector=DETECTOR.name,
                        service=backend.service,
                        port=backend.port,
                        host=backend.host or None,
                    )
            for entry in ingress.tls:
                if entry.exists is False and entry.secret:
                    yield state(
                        TLS_MISSING,
                        entity=ingress.meta.entity,
                        text=f"ingress {ingress.meta.name} names TLS secret {entry.secret}, which does not exist",
                        seen=[seen],
                        at=None,
                        detector=DETECTOR.name,
                        secret=entry.secret,
                    )


DETECTOR = Detector(name="kubernetes.ingress", emits=(BACKEND_MISSING, TLS_MISSING), needs=(Ingresses,), detect=detect)
