"""What the probes of Prometheus share: several range queries at once on one grid, and one observation of them all."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TypeVar

from incidents.entity import Entity
from incidents.evidence import Source, Window
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.observing import configured, observed
from tools.probe import Observation
from tools.prometheus.client import MOST_SERIES, SYSTEM, PrometheusClient, RangeAnswer
from tools.prometheus.curve import Curve
from tools.prometheus.thinning import body_of

ViewT = TypeVar("ViewT", bound=Value)


def client_of(cluster: Cluster) -> PrometheusClient:
    """The cluster's Prometheus. Raises NotConfiguredError."""
    return configured(cluster.prometheus, system=SYSTEM, cluster=cluster.name)


async def ranges(
    client: PrometheusClient, queries: Mapping[str, str], *, window: Window, step: float, most: int = MOST_SERIES
) -> Mapping[str, RangeAnswer]:
    """The answer of every query under its name; all are asked at once. Raises the first ToolError."""
    try:
        async with asyncio.TaskGroup() as group:
            asked = {
                name: group.create_task(client.range(promql, window=window, step=step, most=most))
                for name, promql in queries.items()
            }
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return {name: task.result() for name, task in asked.items()}


def by_label(answer: RangeAnswer, label: str) -> dict[str, Curve]:
    """The curves by the value of one label; curves without it are left out."""
    return {curve.labels[label]: curve for curve in answer.curves if curve.labels.get(label)}


def first(answer: RangeAnswer) -> Curve | None:
    """The only curve of an aggregation over everything; None when it is empty."""
    return answer.curves[0] if answer.curves else None


def notes_of(answers: Mapping[str, RangeAnswer]) -> str | None:
    """What was cut or warned of, by query; None when nothing was."""
    said = [f"{name}: {note}" for name, answer in answers.items() for note in answer.notes]
    return "; ".join(said) or None


def seen(
    cluster: Cluster,
    view: ViewT,
    *,
    probe: str,
    queries: Sequence[str],
    title: str,
    window: Window | None = None,
    entities: tuple[EntityId, ...] = (),
    complete: bool = True,
    cut: str | None = None,
) -> Observation[ViewT]:
    """The observation of queries: all of them as its exact query, the first one as its link."""
    body, thinned = body_of(view)
    return observed(
        view,
        probe=probe,
        source=Source.PROMETHEUS,
        query="\n".join(queries),
        at=cluster.clock.now(),
        title=title,
        window=window,
        entities=entities,
        complete=complete,
        cut="; ".join(part for part in (cut, thinned) if part) or None,
        body=body,
        link=client_of(cluster).link(queries[0], window=window) if queries else None,
    )


def entity_of(text: EntityId) -> Entity:
    """The entity of an id."""
    return Entity.parse(text)
