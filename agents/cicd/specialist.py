"""The specialist for changes: what was rolled out, merged, synchronised or edited around the onset, and by whom.

It reads; what a change did to the running system is for the others to say.
"""

from dataclasses import replace

from agents.cicd.concluding import Circumstances, findings, gaps, questions
from agents.cicd.edges import inventory_of, topology_of
from agents.cicd.looking import look_at_cluster, look_at_repositories, subjects
from agents.cicd.period import period_of
from agents.detector import Sightings
from agents.reporting import compose, read_facts, scene_of
from agents.specialist import Desk
from incidents.casefile import Assignment, CaseFile, Report
from incidents.finding import AgentName, Topic
from incidents.topology import Topology


class ChangeSpecialist:
    """Knows what changed."""

    name = AgentName.CICD
    role = "Knows what changed: rollouts field by field, commits, pipelines, Argo CD, configuration, edits by hand."
    topics = frozenset({Topic.OVERVIEW, Topic.CHANGES})

    async def work(self, assignment: Assignment, case: CaseFile, desk: Desk) -> Report:
        """Look, read facts, report."""
        started = desk.clock.now()
        case = await look_at_cluster(assignment, case, desk)
        about = subjects(assignment, case)
        case = _mapped(case, desk)
        await look_at_repositories(scene_of(assignment, case, now=desk.clock.now()), desk, about)
        sightings = Sightings(observations=desk.observations)
        case = _mapped(case, desk)
        scene = scene_of(assignment, case, now=desk.clock.now())
        reading = read_facts(self.name, sightings, scene)
        given = Circumstances(assignment=assignment, case=case, period=period_of(scene), now=scene.now, near=about)
        return compose(
            assignment=assignment,
            desk=desk,
            started=started,
            reading=replace(reading, gaps=(*reading.gaps, *gaps(reading.facts, given))),
            findings=findings(reading.facts, given),
            questions=questions(reading.facts, given),
            topology=_added(desk),
            inventory=inventory_of(sightings),
        )


def _added(desk: Desk) -> Topology:
    sightings = Sightings(observations=desk.observations)
    return topology_of(sightings, configured=desk.cluster.connections.repositories)


def _mapped(case: CaseFile, desk: Desk) -> CaseFile:
    """The case with what is known so far of applications and repositories."""
    return case.model_copy(update={"topology": case.topology + _added(desk)})


SPECIALIST = ChangeSpecialist()
