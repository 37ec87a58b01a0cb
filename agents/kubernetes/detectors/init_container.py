"""Init containers that fail, so that the pod never gets to its own containers."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import SeenContainer, fresh
from agents.kubernetes.troubled import troubled
from agents.reporting import state
from agents.wording import count, since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.pod import Pods

INIT_FAILING = FactSpec(
    kind=FactKind("init.container_failing"),
    role=FactRole.MECHANISM,
    meaning="An init container fails: the containers of the pod are not started.",
    attributes={
        "container": "name of the init container",
        "exit_code": "how it ended",
        "reason": "what the runtime calls it",
        "restarts": "restarts over the pods it fails in",
        "pods": "pods it fails in",
        "total_pods": "pods of the workload",
    },
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per init container of a workload."""
    for trouble in troubled(sightings, lambda one: _fails(one, scene), init=True):
        ended = trouble.hit[0].status.ended
        code = ended.exit_code if ended else None
        yield state(
            INIT_FAILING,
            entity=trouble.workload,
            text=f"{trouble.who} (init) fails with exit code {code} in {trouble.where}, "
            f"{count(trouble.restarts, 'restart')}{since(trouble.ended, now=scene.now)}",
            seen=trouble.seen,
            at=trouble.ended,
            related=trouble.pods,
            detector=DETECTOR.name,
            container=trouble.container,
            exit_code=code,
            reason=ended.reason if ended else None,
            restarts=trouble.restarts,
            pods=len(trouble.hit),
            total_pods=trouble.total,
        )


def _fails(one: SeenContainer, scene: Scene) -> bool:
    ended = one.status.ended
    initialised = one.pod.condition("Initialized")
    past = initialised is not None and initialised.holds
    return ended is not None and bool(ended.exit_code) and not past and fresh(ended.finished, scene)


DETECTOR = Detector(name="kubernetes.init_container", emits=(INIT_FAILING,), needs=(Pods,), detect=detect)
