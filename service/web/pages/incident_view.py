"""What the incident page is drawn from: the record, told and drawn."""

from dataclasses import dataclass

from agents.runbooks.library import Library
from incidents.approval import Person
from incidents.diagnosis import Hypothesis
from orchestrator.decisions import SWITCH_ROLES
from orchestrator.stopping import STOPPABLE
from orchestrator.store.observations import evidence_from
from orchestrator.store.transaction import Tx
from orchestrator.ticket_settings import Tickets
from service.story.record import IncidentRecord
from service.story.story import Sources, Story, current_proposal, story_of
from service.web.agents import Agent, Asked, questions_of, team_of
from service.web.decision import Attempt, Panel, no_proposal, panel_of
from service.web.pictures.charts import Chart, charts_of
from service.web.pictures.graph import graph
from service.web.pictures.neighbourhood import neighbourhood
from service.web.pictures.scene import red_views, scene_of
from service.web.pictures.timeline import NARROW, WIDE, timeline
from service.web.tickets import TicketPanel, ticket_panel


@dataclass(frozen=True, kw_only=True)
class IncidentView:
    """Everything that the template prints. What is named `..._svg` was escaped where it was drawn."""

    record: IncidentRecord
    story: Story
    panel: Panel | None
    no_proposal: str
    team: tuple[Agent, ...]
    questions: tuple[Asked, ...]
    sources: Sources
    timeline_svg: str
    timeline_narrow_svg: str
    graph_svg: str
    charts: tuple[Chart, ...]
    may_stop: bool
    """The person who looks may stop the investigation now."""
    runbook: str
    """Slug of the runbook that teaches the leading cause; empty when there is none."""
    tickets: TicketPanel


async def view_of(
    tx: Tx,
    record: IncidentRecord,
    *,
    person: Person,
    library: Library,
    tickets: Tickets,
    attempt: Attempt | None = None,
) -> IncidentView:
    """Tell and draw it."""
    proposal = current_proposal(record)
    red = await evidence_from(tx, record.incident.id, probes=("prometheus.red",))
    scene = scene_of(record, proposal, red)
    near = neighbourhood(record)
    return IncidentView(
        record=record,
        story=story_of(record),
        panel=panel_of(record, proposal, person=person, attempt=attempt),
        no_proposal=no_proposal(record),
        team=team_of(record),
        questions=questions_of(record),
        sources=Sources(record.case),
        timeline_svg=timeline(scene, WIDE),
        timeline_narrow_svg=timeline(scene, NARROW),
        graph_svg=graph(near) if near else "",
        charts=charts_of(proposal, red_views(red)) if proposal else (),
        may_stop=record.incident.phase in STOPPABLE and bool(set(person.roles) & SWITCH_ROLES),
        runbook=_runbook(record, library),
        tickets=ticket_panel(record.tickets, given=tickets, person=person),
    )


def _runbook(record: IncidentRecord, library: Library) -> str:
    leading: tuple[Hypothesis, ...] = record.diagnosis.leading if record.diagnosis else ()
    found = library.teaching(leading[0].cause) if leading else None
    return found.slug if found else ""
