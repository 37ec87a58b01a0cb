"""Answers one question about one cluster: finds whom it is about, asks the systems, notes what cannot be seen."""

from datetime import datetime
from typing import assert_never

from agents.enquiry import changes, cost, deployed, metric, owner
from agents.enquiry.places import called, nearly, workloads
from agents.enquiry.seen import Notebook
from incidents.enquiry import Answer, Drawing, Measure, Question, Topic
from tools.estate import Cluster
from tools.kubernetes.workload import Workload, Workloads
from tools.probe import Observation

MOST_PLACES = 3
"""Workloads of one name that are answered for: the same service in several namespaces."""


async def answer(question: Question, cluster: Cluster, *, onset: datetime | None = None) -> Answer:
    """What this cluster says to it. Raises nothing that the outside world does. `onset`: the incident's, if any."""
    notes = Notebook(cluster=cluster, now=cluster.clock.now())
    seen = await workloads(notes)
    if seen is None:
        return Answer(question=question, unseen=tuple(notes.unseen))
    found = called(question.name, seen.view.workloads)
    if not found:
        return Answer(question=question, like=nearly(question.name, seen.view.workloads))
    drawing = None
    for workload in found[:MOST_PLACES]:
        drawing = await _one(question, workload, seen, notes, onset=onset) or drawing
    unseen = tuple(dict.fromkeys(notes.unseen))
    return Answer(question=question, told=tuple(notes.told), unseen=unseen, drawing=drawing)


async def _one(
    question: Question,
    workload: Workload,
    seen: Observation[Workloads],
    notes: Notebook,
    *,
    onset: datetime | None,
) -> Drawing | None:
    match question.topic:
        case Topic.OWNER:
            await owner.answer(workload, seen, notes)
        case Topic.CHANGES:
            await changes.answer(workload, seen, notes)
        case Topic.DEPLOYED:
            await deployed.answer(workload, seen, notes, commit=question.detail)
        case Topic.COST:
            await cost.answer(workload, seen, notes)
        case Topic.METRIC:
            measure = Measure(question.detail or Measure.P99)
            return await metric.answer(workload, seen, notes, measure=measure, onset=onset)
        case never:
            assert_never(never)
    return None
