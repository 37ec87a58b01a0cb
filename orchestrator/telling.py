"""What people tell of an incident: kept with it, and looked into where it claims something that can be seen.

By itself it weighs nothing (`incidents.told` says why). What came of it is said, so that nobody believes more.
"""

from datetime import datetime

from incidents.approval import Channel, Person
from incidents.finding import AgentName, Topic
from incidents.ids import IncidentId
from incidents.incident import EventKind, Incident, Phase
from incidents.redaction import redact
from incidents.told import Claim, claim_of, evidence_of, question_about
from incidents.value import Value
from orchestrator.store.casefiles import add_evidence, add_questions, load_case
from orchestrator.store.database import Store
from orchestrator.store.incidents import incident_of, lock_incident
from orchestrator.store.instructions import Instruction, InstructionKind, save_instruction
from orchestrator.store.timeline import append_event

AT_WORK = (Phase.OPEN, Phase.INVESTIGATING)


class Told(Value):
    """What became of it."""

    claim: Claim | None = None
    """None: kept and shown, nothing that could be looked into, or told by somebody whom the directory does not know."""
    asked: AgentName | None = None
    head: Incident
    """As it stood then."""

    @property
    def message(self) -> str:
        """For who told it."""
        if self.claim is None or self.asked is None:
            return "Noted: it stands with the incident for everybody. It does not change the diagnosis by itself."
        names = " and ".join(entity.rsplit("/", 1)[-1] for entity in self.claim.entities)
        when = f" around {self.claim.at:%H:%M} UTC" if self.claim.at else ""
        what = f"what changed of {names}{when}" if self.claim.topic is Topic.CHANGES else f"how {names} does"
        after = (
            f"{self.asked} is asked {what}"
            if self.head.phase in AT_WORK
            else f"More evidence (or Look again) has {self.asked} look {what}"
        )
        return f"Kept as evidence, told by you: by itself it proves nothing. {after}; what is seen then counts."


async def tell(
    store: Store, *, incident: IncidentId, person: Person, channel: Channel, now: datetime, key: str, text: str
) -> Told | None:
    """Keep what somebody said; None when it was kept before. Raises UnknownError."""
    clean = redact(text)
    async with store.transaction() as tx:
        await lock_incident(tx, incident)
        head = await incident_of(tx, incident)
        said = Instruction(
            incident=incident,
            kind=InstructionKind.CONTEXT,
            text=clean,
            person_id=person.id,
            person=person.name,
            channel=channel,
            at=now,
            key=key,
        )
        if not await save_instruction(tx, said):
            return None
        case = await load_case(tx, incident, bodies=False)
        known = {*case.inventory, *case.focus, *head.entities}
        heard = not person.bot and bool(person.roles or person.grants)
        claim = claim_of(clean, known=known, now=now) if heard else None
        refs: tuple[str, ...] = ()
        asked = None
        if claim is not None:
            evidence = evidence_of(claim, by=person.name, now=now)
            question = question_about(claim, evidence, by=person.name)
            await add_evidence(tx, incident, [evidence])
            await add_questions(tx, incident, [question])
            refs, asked = (evidence.id,), question.to
        await append_event(tx, incident, kind=EventKind.NOTE, actor=person.name, text=clean, at=now, refs=refs)
    return Told(claim=claim, asked=asked, head=head)
