"""Finds the traces of a workload's service and reads them whole: what a span means is in what stands below it."""

import asyncio

from incidents.entity import Entity
from incidents.evidence import Window
from tools.errors import NotFoundError
from tools.traces.client import TracesClient
from tools.traces.span import Trace

AT_ONCE = 5


def selector(entity: Entity, *, more: str = "") -> str:
    """TraceQL for spans of the service of a workload: by the name that instrumentation takes from the deployment."""
    name = entity.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'{{ resource.service.name = "{name}"{f" && {more}" if more else ""} }}'


async def read(client: TracesClient, traceql: str, *, window: Window, limit: int) -> tuple[Trace, ...]:
    """The traces that hold such spans, in the order of their ids. One that is gone meanwhile is left out."""
    ids = await client.search(traceql, window=window, limit=limit)
    slots = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_one(client, number, slots)) for number in sorted(set(ids))]
    found = (task.result() for task in tasks)
    return tuple(trace for trace in found if trace is not None and trace.spans)


async def _one(client: TracesClient, number: str, slots: asyncio.Semaphore) -> Trace | None:
    async with slots:
        try:
            return await client.trace(number)
        except NotFoundError:
            return None
