"""Autoscalers that stand at one of their ends: said alike for the maximum and the minimum."""

from datetime import datetime

from agents.detector import Scene
from agents.kubernetes.sighted import name
from agents.reporting import state
from agents.wording import since
from incidents.fact import Fact, FactSpec
from incidents.ids import EntityId
from tools.kubernetes.autoscaler import Autoscaler, Autoscalers
from tools.probe import Observation

MEASURED = {
    "current": "present pods",
    "metric": "what it measures",
    "target": "what is aimed at, as written",
    "measured": "what is measured, as written",
}
"""Attributes of both facts, beside the end itself (`max` or `min`, pods)."""


def at_end(
    spec: FactSpec,
    scaler: Autoscaler,
    target: EntityId,
    seen: Observation[Autoscalers],
    scene: Scene,
    *,
    end: str,
    at: datetime | None,
    detector: str,
) -> Fact:
    """`end` is `max` or `min`; `at` is when it came there, as far as anybody wrote it down."""
    pods = scaler.maximum if end == "max" else scaler.minimum
    metric = next((one for one in scaler.metrics if one.current), None)
    measured = f", {metric.name} {metric.current} for a target of {metric.target}" if metric else ""
    return state(
        spec,
        entity=target,
        text=f"the autoscaler of {name(target)} is at its {end}imum of {pods} pods{measured}{since(at, now=scene.now)}",
        seen=[seen],
        at=at,
        related=[scaler.meta.entity],
        detector=detector,
        current=scaler.current,
        metric=metric.name if metric else None,
        target=metric.target if metric else None,
        measured=metric.current if metric else None,
        more={end: pods},
    )
