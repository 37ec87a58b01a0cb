"""Which questions a rehearsal asks beyond what the investigation asked: as few as the change needs. Reads only.

An investigation looks for what is wrong. What stands around a change that nobody had thought of then is asked now: more
pods need connections behind them, an earlier revision needs the configuration of its time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from typing import TypeVar

from incidents.canonical import canonical
from incidents.entity import Entity, EntityKind
from incidents.evidence import Evidence
from incidents.ids import EntityId
from incidents.value import Value
from orchestrator.desk import redacted
from orchestrator.twin.trial import Trial
from tools.errors import ToolError
from tools.estate import Cluster
from tools.kubernetes.probes.disruption_budgets import PROBE as BUDGETS
from tools.kubernetes.probes.nodes import PROBE as NODES
from tools.kubernetes.probes.quotas import PROBE as QUOTAS
from tools.kubernetes.probes.template_refs import PROBE as TEMPLATE_REFS
from tools.kubernetes.probes.template_refs import TemplateRefsArgs, Wanted
from tools.kubernetes.references import references
from tools.kubernetes.scope import Where
from tools.probe import Probe
from tools.prometheus.probes.wide import PROBE as WIDE
from tools.prometheus.probes.wide import WideArgs

logger = logging.getLogger(__name__)

LOOKED_BACK = timedelta(minutes=15)
"""Levels of pools are asked of that long: enough points to tell a level from a moment."""
MOST_CALLEES = 4
"""Servers behind a workload that are asked about their connections."""
KEEPING_DATA = frozenset({EntityKind.STATEFULSET, EntityKind.EXTERNAL})
"""What servers of databases run as: they limit connections, and are asked before others."""
KEYED = (EntityKind.CONFIGMAP, EntityKind.SECRET)


ArgsT = TypeVar("ArgsT", bound=Value)
ViewT = TypeVar("ViewT", bound=Value)
Question = tuple[bytes, Callable[[], Awaitable[Evidence]]]
"""What tells it from others, and how it is asked."""


async def asked_for(cluster: Cluster, trials: Sequence[Trial]) -> tuple[Evidence, ...]:
    """The answers to what is not known yet. What cannot be asked stays unknown: the prediction says so."""
    wanted = dict(question for trial in trials for question in _questions(cluster, trial))
    answers = await asyncio.gather(*(_answer(ask) for ask in wanted.values()))
    return tuple(answer for answer in answers if answer is not None)


async def _answer(ask: Callable[[], Awaitable[Evidence]]) -> Evidence | None:
    try:
        return redacted(await ask())
    except ToolError as error:
        logger.info("A rehearsal could not look", extra={"action": "rehearsal_blind", "why": str(error)})
        return None


def _question(cluster: Cluster, probe: Probe[ArgsT, ViewT], args: ArgsT) -> Question:
    async def ask() -> Evidence:
        return (await probe.run(cluster, args)).evidence

    return canonical({"probe": probe.name, "args": args.model_dump(mode="json")}), ask


def _questions(cluster: Cluster, trial: Trial) -> Iterator[Question]:
    if trial.workload is None:
        return
    entity, around = trial.workload.meta.entity, trial.around
    here = Where(namespace=trial.workload.meta.namespace)
    if trial.kind is EntityKind.POD and "budgets" not in around.evidence:
        yield _question(cluster, BUDGETS, here)
    if trial.wanted > trial.replicas:
        if around.nodes is None:
            yield _question(cluster, NODES, Where())
        if around.quotas is None:
            yield _question(cluster, QUOTAS, here)
        if not around.connections and trial.callees and cluster.prometheus is not None:
            end = cluster.clock.now().replace(microsecond=0)
            for one in (entity, *sorted(trial.callees, key=_keeps_no_data)[:MOST_CALLEES]):
                yield _question(cluster, WIDE, WideArgs(entity=one, start=end - LOOKED_BACK, end=end))
    if trial.goal is not None and trial.goal_revision is not None and (lost := _not_referred_to_now(trial)):
        args = TemplateRefsArgs(workload=entity, revision=trial.goal_revision, wanted=lost)
        yield _question(cluster, TEMPLATE_REFS, args)


def _keeps_no_data(callee: EntityId) -> bool:
    return Entity.parse(callee).kind not in KEEPING_DATA


def _not_referred_to_now(trial: Trial) -> tuple[Wanted, ...]:
    """What the revision refers to and the present template does not: what both need was there lately."""
    assert trial.workload is not None, "looked at before"
    assert trial.goal is not None, "looked at before"
    entity = trial.workload.meta.entity
    now = {(ref.kind, ref.name, ref.key) for ref in references(entity, trial.workload.template)}
    then = [ref for ref in references(entity, trial.goal) if ref.kind in KEYED and not ref.optional]
    return tuple(
        Wanted(kind=ref.kind, name=ref.name, key=ref.key) for ref in then if (ref.kind, ref.name, ref.key) not in now
    )
