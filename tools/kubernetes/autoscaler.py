"""Horizontal pod autoscalers: their bounds, what they measure, and what they last did."""

from datetime import datetime

from incidents.entity import EntityKind
from incidents.ids import EntityId
from incidents.value import Value
from tools.kubernetes.condition import Condition, find, read_conditions
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import ObjectMeta, entity_id, kind_of, read_meta


class ScaleMetric(Value):
    """One metric: what is aimed at and what was measured, as written (`70%`, `500m`); empty when unknown."""

    name: str
    target: str = ""
    current: str = ""


class Autoscaler(Value):
    """One HorizontalPodAutoscaler."""

    meta: ObjectMeta
    target: EntityId | None
    """None for kinds that Midwatch has no name for."""
    minimum: int = 1
    maximum: int
    current: int = 0
    desired: int = 0
    last_scaled: datetime | None = None
    metrics: tuple[ScaleMetric, ...] = ()
    conditions: tuple[Condition, ...] = ()
    scale_down_window_s: int | None = None
    """Seconds over which the highest wish counts before it scales down; None is the cluster's default, 300."""

    def condition(self, kind: str) -> Condition | None:
        """The condition of that type: AbleToScale, ScalingActive, ScalingLimited."""
        return find(self.conditions, kind)


class Autoscalers(Value):
    """Autoscalers of a scope."""

    autoscalers: tuple[Autoscaler, ...]


def read_autoscaler(document: Document, *, cluster: str) -> Autoscaler:
    """Read an autoscaling/v2 HorizontalPodAutoscaler."""
    meta, spec, status = _parts(document, cluster)
    minimum = spec.whole("minReplicas")
    return Autoscaler(
        meta=meta,
        target=_target(spec.at("scaleTargetRef"), cluster, meta.namespace),
        minimum=1 if minimum is None else minimum,
        maximum=spec.count("maxReplicas"),
        current=status.count("currentReplicas"),
        desired=status.count("desiredReplicas"),
        last_scaled=status.moment("lastScaleTime"),
        metrics=_metrics(spec.items("metrics"), status.items("currentMetrics")),
        conditions=read_conditions(status),
        scale_down_window_s=spec.whole("behavior", "scaleDown", "stabilizationWindowSeconds"),
    )


def _parts(document: Document, cluster: str) -> tuple[ObjectMeta, Document, Document]:
    meta = read_meta(document, cluster=cluster, kind=EntityKind.HPA, managers=True)
    return meta, document.at("spec"), document.at("status")


def _target(ref: Document, cluster: str, namespace: str | None) -> EntityId | None:
    kind = kind_of(ref.word("kind"))
    return entity_id(cluster, kind, ref.word("name"), namespace) if kind and ref.word("name") else None


def _metrics(wanted: tuple[Document, ...], measured: tuple[Document, ...]) -> tuple[ScaleMetric, ...]:
    current = {_metric_name(item): _amount(_source(item).at("current")) for item in measured}
    return tuple(
        ScaleMetric(
            name=_metric_name(item),
            target=_amount(_source(item).at("target")),
            current=current.get(_metric_name(item), ""),
        )
        for item in wanted
    )


def _source(item: Document) -> Document:
    kind = item.word("type")
    return item.at(kind[:1].lower() + kind[1:]) if kind else item


def _metric_name(item: Document) -> str:
    source = _source(item)
    return source.word("name") or source.word("metric", "name") or item.word("type")


def _amount(value: Document) -> str:
    utilisation = value.whole("averageUtilization")
    if utilisation is not None:
        return f"{utilisation}%"
    return value.word("averageValue") or value.word("value")
