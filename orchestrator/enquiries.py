"""Questions about the estate as durable work: asked in one process, answered by a worker, which has the read clients.

The message that will carry the answer is wanted in the transaction that enqueues the job: a question that was taken up
is answered, whatever is killed meanwhile, and a question that comes twice is answered once.
"""

import asyncio
from datetime import datetime
from fnmatch import fnmatchcase

import structlog

from agents.enquiry.answering import answer
from agents.enquiry.grammar import question_of
from agents.enquiry.places import workloads
from agents.enquiry.seen import Notebook
from agents.model.intent import intent_of
from incidents.casefile import CaseFile
from incidents.enquiry import Answer, Question, Told, Topic
from incidents.entity import Entity
from incidents.ids import IncidentId
from incidents.redaction import redact
from incidents.value import Value
from orchestrator.context import Workbench
from orchestrator.jobs import Task, enqueue
from orchestrator.people import Directory
from orchestrator.store.casefiles import load_case
from orchestrator.store.database import Store
from orchestrator.store.diagnoses import latest_diagnosis
from orchestrator.store.outbox import Message, Wish, message_of, skip, want
from orchestrator.store.transaction import Tx
from tools.estate import Cluster

log = structlog.get_logger(__name__)

SECONDS = 20.0
"""For all looks of one question in one cluster."""
NOBODY = IncidentId("")
"""The incident of a job that belongs to none."""


class Asked(Value):
    """A question on its way. One of `question` and `text` is there."""

    question: Question | None = None
    text: str = ""
    """As it was written, for a model to read; empty when code understood it."""
    incident: IncidentId | None = None
    """The one in whose thread it was asked."""
    person: str
    """Who asked, for the log."""


async def ask(store: Store, wish: Wish, asked: Asked, *, now: datetime, quiet: bool = False) -> bool:
    """Have it answered in the message of `wish`; False when it was asked before. `quiet`: it is not shown before."""
    payload = {**wish.payload, "asked": asked.model_dump(mode="json")}
    async with store.transaction() as tx:
        if await message_of(tx, wish.key) is not None:
            return False
        await (skip if quiet else want)(tx, wish.model_copy(update={"payload": payload}), now=now)
        await enqueue(tx, Task.ANSWER, asked.incident or NOBODY, item=wish.key)
    return True


async def answer_enquiry(bench: Workbench, key: str) -> None:
    """Look, and have the answer told. A key that nobody asked under, or that was answered, changes nothing."""
    async with bench.store.transaction() as tx:
        message = await message_of(tx, key)
        if message is None or "asked" not in message.payload:
            return
        asked = Asked.model_validate(message.payload["asked"])
        case = await load_case(tx, asked.incident, bodies=False) if asked.incident else None
        blamed = await _blamed(tx, case) if case else ""
    question = await _understood(asked, bench, blamed=blamed)
    found = await _answered(question, bench, case=case) if question else None
    log.info(
        "Answered a question", action="enquiry_answered", person=asked.person, question=found and found.question.text
    )
    async with bench.store.transaction() as tx:
        await _tell(tx, message, found, now=bench.clock.now())


async def _tell(tx: Tx, message: Message, found: Answer | None, *, now: datetime) -> None:
    kept = {name: value for name, value in message.payload.items() if name != "asked"}
    payload = {**kept, "answer": found.model_dump(mode="json", exclude={"drawing"}) if found else {}}
    wish = Wish(key=message.key, channel=message.channel, incident=message.incident, payload=payload, version=1)
    await want(tx, wish, now=now)
    if found is not None and found.drawing is not None:
        drawn = {**kept, "text": found.drawing.title, "drawing": found.drawing.model_dump(mode="json")}
        await want(tx, wish.model_copy(update={"key": f"drawing:{message.key}", "payload": drawn}), now=now)


async def _blamed(tx: Tx, case: CaseFile) -> str:
    """Whom a conversation about the incident means by `it`: the leading cause's place, else what hurts."""
    diagnosis = await latest_diagnosis(tx, case.incident.id)
    places = [hypothesis.entity for hypothesis in diagnosis.leading] if diagnosis else []
    named = (Entity.parse(entity) for entity in (*places, *case.incident.entities))
    return next((f"{one.namespace}/{one.name}".casefold() for one in named if one.is_workload), "")


async def _understood(asked: Asked, bench: Workbench, *, blamed: str) -> Question | None:
    question = asked.question or question_of(asked.text)
    if question is None and bench.model is not None:
        names = [name for cluster in bench.clusters.values() for name in await _names(cluster)]
        question = await intent_of(asked.text, names=names, engine=bench.model)
    if question is not None and not question.name:
        return question.model_copy(update={"name": blamed}) if blamed else None
    return question


async def _names(cluster: Cluster) -> tuple[str, ...]:
    seen = await workloads(Notebook(cluster=cluster, now=cluster.clock.now()))
    return tuple(one.meta.name for one in seen.view.workloads) if seen else ()


async def _answered(question: Question, bench: Workbench, *, case: CaseFile | None) -> Answer:
    """What all clusters say to it; in an incident only its own."""
    mine = [name for name in bench.clusters if case is None or name == case.incident.cluster]
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_in_time(question, bench.clusters[name], onset=case.onset if case else None))
            for name in mine
        ]
    found = [task.result() for task in tasks]
    told = [line for one in found for line in one.told]
    if question.topic is Topic.OWNER:
        told += owners(Directory.of(bench.settings), question.name, now=bench.clock.now())
    drawings = [one.drawing for one in found if one.drawing]
    return Answer(
        question=question,
        told=tuple(told),
        unseen=tuple(dict.fromkeys(line for one in found for line in one.unseen)),
        like=tuple(dict.fromkeys(name for one in found for name in one.like)),
        drawing=drawings[0] if drawings else None,
    )


async def _in_time(question: Question, cluster: Cluster, *, onset: datetime | None) -> Answer:
    try:
        async with asyncio.timeout(SECONDS):
            return await answer(question, cluster, onset=onset)
    except TimeoutError:
        return Answer(question=question, unseen=(f"{cluster.name} did not answer within {SECONDS:.0f} s",))


def owners(directory: Directory, name: str, *, now: datetime) -> list[Told]:
    """Who decides as its owner, by the directory of people."""
    service = name.rsplit("/", 1)[-1]
    named = [
        member.name
        for member in directory.members
        for grant in member.roles.grants
        if grant.role == "owner" and any(fnmatchcase(service, pattern) for pattern in grant.services)
    ]
    if not named:
        return []
    text = redact(f"{', '.join(dict.fromkeys(named))} may decide as its owner")
    return [Told(text=text, source="Midwatch's directory", at=now)]
