"""What a process is like, as far as its kubelet notices: how long it starts, what it listens on, when it ends."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from worlds.objects.kinds import JsonObject


@dataclass(frozen=True, kw_only=True)
class Exit:
    """The process ends by itself. `after` is seconds from its start."""

    code: int
    after: float
    last_words: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Nature:
    """The process in a pod's first container. Empty `unready`, `unlive` and `unstarted` mean that the probe passes."""

    startup: float = 5.0
    exit: Exit | None = None
    unready: str = ""
    unlive: str = ""
    unstarted: str = ""
    first_words: tuple[str, ...] = ()


class Surroundings(Protocol):
    """What a kubelet asks the world about."""

    def nature(self, pod: JsonObject) -> Nature:
        """Say what the pod's process is like at this moment."""
        ...

    def init_end(self, pod: JsonObject, container: str) -> Exit:
        """Say how an init container ends."""
        ...

    def start_trouble(self, pod: JsonObject, container: str) -> str:
        """Say why a container's process cannot be started, in the container runtime's words; empty when it can."""
        ...

    def image_trouble(self, image: str, pod: JsonObject) -> str:
        """Say why an image cannot be pulled for a pod, in the container runtime's words; empty when it can."""
        ...

    def config_of(self, pod: JsonObject) -> dict[str, str]:
        """Return the values of the config references of the pod's first container, by variable."""
        ...


# Told when a process starts or ends: the pod, the instance number, and what it wrote at that moment.
ProcessListener = Callable[[JsonObject, int, tuple[str, ...]], None]
