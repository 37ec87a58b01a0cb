"""Which log streams belong to a workload: by the names of its pods, or where there is no such label, by app."""

from collections.abc import Sequence

from incidents.entity import Entity
from incidents.evidence import Window
from tools.loki.client import LogAnswer, LokiClient
from tools.prometheus.selector import pod_pattern, quoted


def selectors_of(entity: Entity) -> Sequence[str]:
    """LogQL stream selectors, best first."""
    space = f"namespace={quoted(entity.namespace)}, " if entity.namespace else ""
    return (
        f"{{{space}pod=~{quoted(pod_pattern(entity))}}}",
        f"{{{space}app={quoted(entity.name)}}}",
    )


async def read(
    client: LokiClient, entity: Entity, *, window: Window, limit: int, backward: bool, matching: str = ""
) -> tuple[str, LogAnswer]:
    """The lines of the first selector that has any, with the query that brought them."""
    query, answer = "", LogAnswer(lines=())
    for selector in selectors_of(entity):
        query = f"{selector} |~ {quoted(matching)}" if matching else selector
        answer = await client.lines(query, window=window, limit=limit, direction="backward" if backward else "forward")
        if answer.lines:
            break
    return query, answer
