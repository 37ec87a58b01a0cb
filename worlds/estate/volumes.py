"""How full the persistent volumes are: a share at the start of the history, growth, and what faults add."""

import numpy as np
from numpy.typing import NDArray

from worlds.objects.quantity import parse_quantity
from worlds.scenario.estate import Estate
from worlds.scenario.workload import Workload

Floats = NDArray[np.float64]


class Volumes:
    """Shares of all claims, by namespace and claim name."""

    def __init__(self, estate: Estate, *, start: float) -> None:
        self._start = start
        self._own: dict[tuple[str, str], Workload] = {}
        self._fills: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
        for workload in estate.workloads:
            if workload.volume:
                for i in range(max(workload.replicas, 1)):
                    self._own[workload.namespace, f"{workload.volume.name}-{workload.name}-{i}"] = workload
                self._own[workload.namespace, f"{workload.volume.name}-{workload.name}"] = workload

    def fill(self, namespace: str, claim: str, *, at: float, share: float, over: float) -> None:
        """Let a volume reach a share, beginning at `at`, within `over` seconds."""
        self._fills.setdefault((namespace, claim), []).append((at, share, max(over, 1.0)))

    def used(self, namespace: str, claim: str, times: Floats, *, size: float) -> Floats:
        """Return the used bytes at each time, at most `size`, which is the claim's present size in bytes."""
        workload = self._own.get((namespace, claim))
        if workload is None or workload.volume is None:
            return np.full(len(times), 0.05 * size)
        volume = workload.volume
        growth = parse_quantity(volume.growth_per_hour) / parse_quantity(volume.size) / 3600.0
        share = volume.used + growth * (times - self._start)
        for at, target, over in self._fills.get((namespace, claim), []):
            reached = np.clip((times - at) / over, 0, 1)
            share = share + (target - volume.used) * reached
        return np.clip(share * parse_quantity(volume.size), 0.0, size)
