"""The specialist for changes: what was rolled out, merged, synchronised or edited around the onset, and by whom.

It reads; what a change did to the running system is for the others to say.
"""

from agents.cicd.concluding import Circumstances, findings, questions
from agents.cicd.edges import inventory_of, topology_of
from agents.cicd.looking import look, subjects
from agents.cicd.period import period_of
from agents.detector import Sightings
from agents.reporting import compose, read_facts, scene_of
from agents.specialist import Desk
from incidents.casefile import Assignment, CaseFile, Report
from incidents.finding import AgentName, Topic


class ChangeSpecialist:
    """Knows what changed."""

    name = AgentName.CICD
    role = "Knows what changed: rollouts field by field, commits, pipelines, Argo CD, configuration, edits by hand."
    topics = frozenset({Topic.OVERVIEW, Topic.CHANGES})

    async def work(self, assignment: Assignment, case: CaseFile, desk: Desk) -> Report:
        """Look, read facts, report."""
        started = desk.clock.now()
        await look(assignment, case, desk)
        sightings = Sightings(observations=desk.observations)
        now = desk.clock.now()
        scene = scene_of(assignment, case, now=now)
        reading = read_facts(self.name, sightings, scene)
        given = Circumstances(
            assignment=assignment,
            case=case,
            period=period_of(scene),
            now=now,
            near=subjects(assignment, case),
        )
        return compose(
            assignment=assignment,
            desk=desk,
            started=started,
            reading=reading,
            findings=findings(reading.facts, given),
            questions=questions(reading.facts, given),
            topology=topology_of(sightings),
            inventory=inventory_of(sightings),
        )


SPECIALIST = ChangeSpecialist()
