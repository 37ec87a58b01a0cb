"""From what was read to an observation: the view as evidence, the exact requests, and what it is complete about."""

from collections.abc import Iterable
from typing import TypeVar

from incidents.evidence import Evidence, Source
from incidents.ids import EntityId
from incidents.value import Value
from tools.estate import Cluster
from tools.kubernetes.console import console_link, namespace_of
from tools.kubernetes.scope import Found, Where, merged, places_seen
from tools.probe import Observation

ViewT = TypeVar("ViewT", bound=Value)


def observed(
    cluster: Cluster,
    view: ViewT,
    *,
    probe: str,
    title: str,
    where: Where,
    found: Iterable[Found],
    entities: Iterable[EntityId] = (),
    cut: str | None = None,
    complete: Iterable[EntityId] | None = None,
) -> Observation[ViewT]:
    """The observation of a view. It is complete about the scope and `entities`, unless a list was cut.

    `complete` says instead what it is complete about, for a probe that could see a part of its scope only.
    """
    query, lost = merged(found)
    missing = "; ".join(part for part in (lost, cut) if part) or None
    whole = (*places_seen(cluster, where), *entities) if complete is None else complete
    body = view.model_dump_json(exclude_defaults=True)
    evidence = Evidence.of(
        probe=probe,
        source=Source.KUBERNETES,
        query=query,
        observed_at=cluster.clock.now(),
        body=body,
        entities=tuple(dict.fromkeys(entities))[:50],
        cut=missing,
        title=f"{title} {where.words}",
        link=console_link(cluster.connections.kubernetes, where.target or namespace_of(cluster.name, where.place)),
    )
    seen = () if lost else tuple(dict.fromkeys(whole))
    return Observation(view=view, evidence=evidence, entities=seen, verbatim=evidence.body == body)
