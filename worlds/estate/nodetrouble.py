"""Nodes that are not well, as far as node_exporter and Prometheus notice: silence, a full disk, a bad wire."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Filling:
    """A disk that fills from `at` on within `over` seconds until a share is left."""

    at: float
    over: float
    left: float


class NodesInTrouble:
    """By node name. Times are unix seconds. `outages` is the simulation's own record of nodes that are gone."""

    def __init__(self, outages: dict[str, float]) -> None:
        self._outages = outages
        self.kubelets: dict[str, float] = {}
        self.runtimes: dict[str, float] = {}
        self.disks: dict[str, Filling] = {}
        self.wires: dict[str, tuple[float, float]] = {}

    def scraped_until(self, node: str, *, job: str) -> float:
        """Return from when on a node's target (kubelet or node-exporter) is down; infinity when it is not."""
        gone = self._outages.get(node, float("inf"))
        return min(gone, self.kubelets.get(node, float("inf"))) if job == "kubelet" else gone

    def disk_free(self, node: str, times: Floats, *, usual: float) -> Floats:
        """Return the free share of a node's disk at each time."""
        filling = self.disks.get(node)
        if filling is None:
            return np.full(len(times), usual)
        done = np.clip((times - filling.at) / max(filling.over, 1.0), 0, 1)
        left: Floats = usual + (filling.left - usual) * done
        return left

    def wire_errors(self, node: str, times: Floats) -> Floats:
        """Return the counter of a node's damaged packets at each time; a few there have always been."""
        since, per_second = self.wires.get(node, (0.0, 0.0))
        return 3.0 + np.maximum(times - since, 0.0) * per_second
