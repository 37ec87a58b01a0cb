"""Since when a pod is ready and available."""

from datetime import datetime
from functools import lru_cache

from worlds.cluster.conditions import condition
from worlds.objects.kinds import JsonObject

_TIMES_KEPT = 4096


@lru_cache(maxsize=_TIMES_KEPT)
def unix(text: str) -> float:
    """Return unix seconds of a Kubernetes timestamp."""
    return datetime.fromisoformat(text).timestamp()


def available_since(pod: JsonObject, *, after: float) -> float:
    """Return when a ready pod counts as available: `after` seconds after it became ready."""
    ready = condition(pod, "Ready")
    return unix(ready["lastTransitionTime"]) + after if ready else float("inf")
