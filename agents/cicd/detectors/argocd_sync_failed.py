"""Finds Argo CD operations that failed, with the class of the reason."""

import re
from collections.abc import Iterator

from agents.cicd.gitops import Deployer, deployers
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.argocd.application import Operation
from tools.argocd.probes.applications import ApplicationsView

SPEC = FactSpec(
    kind=FactKind("argocd.sync_failed"),
    role=FactRole.MECHANISM,
    meaning="The last sync or rollback of an Argo CD application failed.",
    attributes={
        "message_class": "invalid, immutable, forbidden, denied, quota, hook, conflict, repository, connection, other",
        "message": "what Argo CD said, shortened",
        "commit": "revision that was to be synchronised",
        "actor": "who asked for it; absent for automated sync",
    },
)
LONGEST = 300
_CLASSES = (
    ("immutable", r"immutable"),
    ("quota", r"exceeded quota|resourcequota"),
    ("denied", r"admission webhook|denied the request|violates podsecurity|policy"),
    ("forbidden", r"forbidden|unauthorized|not permitted|permission"),
    ("invalid", r"is invalid|validation|unable to decode|unknown field|no matches for kind|parse|manifest generation"),
    ("hook", r"hook"),
    ("conflict", r"conflict|object has been modified"),
    ("repository", r"repository|authentication required|revision .* not found|comparison ?error|git"),
    ("connection", r"connection|timeout|deadline|dial tcp|unavailable|no route"),
)


def message_class(message: str) -> str:
    """The class of what Argo CD said."""
    return next((name for name, pattern in _CLASSES if re.search(pattern, message, re.IGNORECASE)), "other")


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per application whose last operation failed."""
    for one in deployers(sightings):
        operation = one.application.operation
        if operation is not None and operation.phase in {"Failed", "Error"}:
            yield _fact(one, operation, scene)


def _fact(one: Deployer, operation: Operation, scene: Scene) -> Fact:
    message = operation.message[:LONGEST]
    at = operation.finished_at or operation.started_at
    when = f" at {clock_time(at, now=scene.now)}" if at else ""
    return state(
        SPEC,
        entity=one.entity,
        text=f"the sync of application {one.application.name} failed{when}: {message}",
        seen=(one.seen,),
        at=at,
        related=one.workloads,
        detector=DETECTOR.name,
        message_class=message_class(operation.message),
        message=message,
        commit=operation.revision or None,
        actor=operation.by or None,
    )


DETECTOR = Detector(name="cicd.argocd_sync_failed", emits=(SPEC,), needs=(ApplicationsView,), detect=detect)
