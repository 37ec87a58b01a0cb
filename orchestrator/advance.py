"""Lets the graph of one incident go on as far as it can, under a lease: one process at a time."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import timedelta
from typing import Any

import structlog
from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, StateSnapshot

from incidents.ids import IncidentId
from incidents.incident import SETTLED, Incident
from orchestrator.context import Context, Workbench
from orchestrator.jobs import OwnedElsewhereError
from orchestrator.state import State
from orchestrator.store.errors import FenceLost
from orchestrator.store.incidents import incident_of
from orchestrator.store.leases import Lease, acquire, let_rest, release, renew
from orchestrator.version import GRAPH_VERSION

log = structlog.get_logger(__name__)

Graph = CompiledStateGraph[State, Context, State, State]

RECURSION = 100
"""Super-steps of one run: far above what the rounds and proposals of an incident take; only a defect reaches it."""


class Advancer:
    """Runs the graph for incidents, one at a time each."""

    def __init__(self, *, graph: Graph, bench: Workbench) -> None:
        """`graph` is compiled with the Postgres checkpointer."""
        self._graph, self._bench = graph, bench

    async def advance(self, incident: IncidentId) -> None:
        """Go on. Raises OwnedElsewhereError when another process holds the lease: the job comes again."""
        try:
            async with self._owned(incident) as lease:
                if await self._go_on(incident, lease):
                    async with self._bench.store.transaction() as tx:
                        await let_rest(tx, lease)
        except* FenceLost:
            log.info("Another process owns the incident by now", action="fence_lost", incident=incident)

    async def _go_on(self, incident: IncidentId, lease: Lease) -> bool:
        """Whether the graph has come to its end."""
        async with self._bench.store.transaction() as tx:
            head = await incident_of(tx, incident)
        if head.graph_version != GRAPH_VERSION:
            log.warning(
                "The incident was begun by another version of the graph", action="graph_version", incident=incident
            )
            return False
        config: RunnableConfig = {"configurable": {"thread_id": incident}, "recursion_limit": RECURSION}
        snapshot = await self._graph.aget_state(config)
        entry = _entry(head, snapshot)
        if entry is _NOTHING:
            return True
        shared = {field.name: getattr(self._bench, field.name) for field in fields(Workbench)}
        context = Context(**shared | {"policy": self._bench.policy_now}, lease=lease)
        await self._graph.ainvoke(entry, config, context=context, durability="sync")
        return not (await self._graph.aget_state(config)).next

    @asynccontextmanager
    async def _owned(self, incident: IncidentId) -> AsyncIterator[Lease]:
        ttl = timedelta(seconds=self._bench.settings.periods.lease_seconds)
        owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        async with self._bench.store.transaction() as tx:
            lease = await acquire(tx, incident, owner=owner, ttl=ttl)
        if lease is None:
            raise OwnedElsewhereError(f"{incident} is owned by another process")
        try:
            async with asyncio.TaskGroup() as group:
                renewal = group.create_task(self._keep(lease, ttl))
                yield lease
                renewal.cancel()
        finally:
            async with self._bench.store.transaction() as tx:
                await release(tx, lease)

    async def _keep(self, lease: Lease, ttl: timedelta) -> None:
        while True:
            await asyncio.sleep(ttl.total_seconds() / 3)
            async with self._bench.store.transaction() as tx:
                await renew(tx, lease, ttl=ttl)


_NOTHING = object()


def _entry(head: Incident, snapshot: StateSnapshot) -> Any:
    """What the graph is invoked with: the beginning, an answer to an interrupt, where it was killed, or nothing."""
    if snapshot.next:
        return Command(resume=True) if snapshot.interrupts else None
    if head.phase in SETTLED:
        return _NOTHING
    return {"incident": head.id}
