"""Containers that cannot start because their image cannot be pulled."""

from collections.abc import Iterable

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.image_errors import image_error
from agents.kubernetes.sighted import SeenContainer, SeenEvent, earliest, events_of
from agents.kubernetes.troubled import Trouble, troubled
from agents.reporting import state
from agents.wording import since
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.kubernetes.pod import Pods

REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
IMAGE_PULL_FAILED = FactSpec(
    kind=FactKind("container.image_pull_failed"),
    role=FactRole.MECHANISM,
    meaning="The image of a container cannot be pulled.",
    attributes={
        "container": "name of the container",
        "image": "the image as written",
        "reason": "not_found, denied, dns, network, invalid, rate_limited, platform, never_pull or other",
        "pods": "pods that wait for it",
        "total_pods": "pods of the workload",
    },
)
_WORDS = {
    "not_found": "it does not exist in the registry",
    "denied": "the registry refuses access",
    "dns": "the registry's name cannot be resolved",
    "network": "the registry cannot be reached",
    "invalid": "its name is not valid",
    "rate_limited": "the registry limits the rate of pulls",
    "platform": "it is not built for the node's platform",
    "never_pull": "it is not on the node and must not be pulled",
    "other": "the runtime gives no clear reason",
}


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per container of a workload."""
    failures = events_of(sightings, "Failed", "BackOff", "InspectFailed", "ErrImageNeverPull")
    for trouble in troubled(sightings, _waits):
        yield _fact(trouble, _own(failures, trouble), scene)


def _waits(one: SeenContainer) -> bool:
    return one.status.waiting_reason in REASONS


def _own(failures: Iterable[SeenEvent], trouble: Trouble) -> list[SeenEvent]:
    pods = set(trouble.pods)
    return [one for one in failures if one.pod in pods and one.event.container in (trouble.container, None)]


def _fact(trouble: Trouble, failures: list[SeenEvent], scene: Scene) -> Fact:
    said = [one.status.state.message for one in trouble.hit if one.status.state]
    said += [one.event.message for one in failures]
    waiting = trouble.hit[0].status.waiting_reason
    reason = next((found for text in said if (found := image_error(text)) != "other"), image_error(waiting))
    at = earliest([*(one.event.first for one in failures), *(one.pod.started for one in trouble.hit)])
    image = trouble.spec.image if trouble.spec else trouble.hit[0].status.image
    return state(
        IMAGE_PULL_FAILED,
        entity=trouble.workload,
        text=f"{trouble.who} cannot pull {image} in {trouble.where}: {_WORDS[reason]}{since(at, now=scene.now)}",
        seen=[*trouble.seen, *(one.seen for one in failures)],
        at=at,
        related=trouble.pods,
        detector=DETECTOR.name,
        container=trouble.container,
        image=image,
        reason=reason,
        pods=len(trouble.hit),
        total_pods=trouble.total,
    )


DETECTOR = Detector(name="kubernetes.image_pull", emits=(IMAGE_PULL_FAILED,), needs=(Pods,), detect=detect)
