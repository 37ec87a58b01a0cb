"""Effects that are in force: what changes brought along that does not follow from a manifest."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from worlds.objects.kinds import JsonObject
from worlds.scenario.effect import Effect

# Does the effect hold for this pod? Gets the pod and the environment its process was started with.
Holds = Callable[[JsonObject, dict[str, str]], bool]


@dataclass(kw_only=True)
class ActiveEffect:
    """An effect on the pods of one workload (`namespace/name`): while `holds` says so and until it is ended."""

    target: str
    effect: Effect
    since: float
    holds: Holds = field(default=lambda _pod, _environment: True)
    ended: bool = False


class Effects:
    """All of them. `version` grows with every change, so that readers know when to look again."""

    def __init__(self) -> None:
        self._active: list[ActiveEffect] = []
        self._listeners: list[Callable[[str], None]] = []
        self.version = 0

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Call the listener with the target of every effect that begins or ends."""
        self._listeners.append(listener)

    def add(self, effect: ActiveEffect) -> ActiveEffect:
        """Let an effect begin."""
        self._active.append(effect)
        self._tell(effect.target)
        return effect

    def end(self, effect: ActiveEffect) -> None:
        """Let an effect end."""
        effect.ended = True
        if effect in self._active:
            self._active.remove(effect)
            self._tell(effect.target)

    def look_again(self) -> None:
        """Something changed on which the condition of an effect may depend."""
        self.version += 1

    def on(self, target: str, pod: JsonObject | None, environment: dict[str, str]) -> Iterable[ActiveEffect]:
        """Yield the effects on one pod. An external dependency has no pod: then every effect on it holds."""
        for active in self._active:
            if active.target == target and (pod is None or active.holds(pod, environment)):
                yield active

    def _tell(self, target: str) -> None:
        self.version += 1
        for listener in self._listeners:
            listener(target)
