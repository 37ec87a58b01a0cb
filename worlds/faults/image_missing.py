"""A deploy names an image that cannot be pulled."""

from typing import TYPE_CHECKING, Literal

from worlds.estate.manifests import image_of
from worlds.faults.deploy import Deploy

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_RUNTIME = 'rpc error: code = {code} desc = failed to pull and unpack image "{image}": '


class ImageMissing(Deploy):
    """A deploy like any other, but for the registry's answer."""

    kind: Literal["image_missing"] = "image_missing"  # type: ignore[assignment]  # narrower on purpose
    reason: Literal["not_found", "unauthorized", "no_such_host"] = "not_found"

    def plan(self, world: "Simulation") -> None:
        """Let the registry refuse the image, then deploy it."""
        workload = world.scenario.estate.workload(self.workload)
        image = (
            self.change.image or f"{image_of(workload, estate=world.scenario.estate)}:{self.change.tag or workload.tag}"
        )
        world.registry.missing[image] = _answer(self.reason, image)
        super().plan(world)


def _answer(reason: str, image: str) -> str:
    repository, _, tag = image.rpartition(":")
    host, _, path = repository.partition("/")
    url = f"https://{host}/v2/{path}/manifests/{tag}"
    code = "NotFound" if reason == "not_found" else "Unknown"
    what = f'failed to resolve reference "{image}": '
    match reason:
        case "unauthorized":
            what += "failed to authorize: failed to fetch oauth token: unexpected status from GET request to "
            what += f"https://{host}/token: 401 Unauthorized"
        case "no_such_host":
            what += f'failed to do request: Head "{url}": dial tcp: lookup {host} on 169.254.169.254:53: no such host'
        case _:
            what += f"{image}: not found"
    return _RUNTIME.format(code=code, image=image) + what
