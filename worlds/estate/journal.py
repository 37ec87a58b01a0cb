"""What processes wrote when they started and when they ended: the lines that do not depend on traffic."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Lifetime:
    """One instance of a pod's first container. `ended` is None while it runs."""

    instance: int
    started: float
    ended: float | None = None
    last_words: tuple[str, ...] = ()


class Journal:
    """Lifetimes by pod uid, in order."""

    def __init__(self) -> None:
        self._lifetimes: dict[str, list[Lifetime]] = {}
        self.pods: dict[str, tuple[str, str, str]] = {}

    def started(self, uid: str, *, pod: tuple[str, str, str], instance: int, at: float) -> None:
        """Note that a process started. `pod` is namespace, name and workload key."""
        self.pods[uid] = pod
        self._lifetimes.setdefault(uid, []).append(Lifetime(instance=instance, started=at))

    def ended(self, uid: str, *, at: float, last_words: tuple[str, ...] = ()) -> None:
        """Note that the pod's latest process ended."""
        lifetimes = self._lifetimes.get(uid)
        if lifetimes and lifetimes[-1].ended is None:
            latest = lifetimes[-1]
            lifetimes[-1] = Lifetime(instance=latest.instance, started=latest.started, ended=at, last_words=last_words)

    def lifetimes(self, uid: str) -> list[Lifetime]:
        """Return the pod's processes, oldest first."""
        return self._lifetimes.get(uid, [])
