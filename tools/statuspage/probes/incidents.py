"""What the providers' own status pages say about a window."""

import asyncio
from datetime import datetime

from incidents.entity import Entity, EntityKind
from incidents.evidence import Source, Window
from incidents.ids import EntityId
from incidents.value import Value
from tools.errors import NotConfiguredError, ToolError
from tools.estate import Cluster
from tools.observing import observed
from tools.probe import Observation, Probe
from tools.statuspage.client import INCIDENTS, SYSTEM, ProviderIncident, StatusPageClient


class IncidentsArgs(Value):
    """In which window."""

    start: datetime
    end: datetime


class ProviderSaid(Value):
    """One provider, and its incidents of the window."""

    provider: EntityId
    incidents: tuple[ProviderIncident, ...]


class ProvidersView(Value):
    """Every provider whose page answered."""

    providers: tuple[ProviderSaid, ...]


async def _run(cluster: Cluster, args: IncidentsArgs) -> Observation[ProvidersView]:
    pages = cluster.status_pages
    if not pages:
        raise NotConfiguredError(f"{SYSTEM} of no provider is configured for {cluster.name}: give status_pages")
    answers = await asyncio.gather(*(_incidents(page) for page in pages.values()))
    said = [
        ProviderSaid(
            provider=Entity(cluster=cluster.name, kind=EntityKind.EXTERNAL, name=host).id,
            incidents=tuple(one for one in answer if _touches(one, args)),
        )
        for host, answer in zip(pages, answers, strict=True)
        if not isinstance(answer, ToolError)
    ]
    silent = [f"{host}: {answer}" for host, answer in zip(pages, answers, strict=True) if isinstance(answer, ToolError)]
    return observed(
        ProvidersView(providers=tuple(said)),
        probe=PROBE.name,
        source=Source.STATUS_PAGES,
        query=f"GET {INCIDENTS} of {', '.join(pages)}",
        at=cluster.clock.now(),
        title="status pages of providers",
        window=Window(start=args.start, end=args.end),
        entities=tuple(one.provider for one in said),
        cut="; ".join(silent) or None,
    )


async def _incidents(page: StatusPageClient) -> tuple[ProviderIncident, ...] | ToolError:
    """One page that does not answer takes nothing from the others."""
    try:
        return await page.incidents()
    except ToolError as error:
        return error


def _touches(one: ProviderIncident, args: IncidentsArgs) -> bool:
    return one.started <= args.end and (one.resolved is None or one.resolved >= args.start)


PROBE = Probe(
    name="statuspage.incidents",
    source=Source.STATUS_PAGES,
    describe="Incidents that providers outside the cluster tell on their own status pages, within a window.",
    args=IncidentsArgs,
    view=ProvidersView,
    run=_run,
)
