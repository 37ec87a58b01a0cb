"""The specialist for telemetry: requests, errors, latency, use, dependencies, logs and alerts, and since when.

It measures; what was changed, and what Kubernetes itself says, is for the others to tell.
"""

from agents.detector import Sightings
from agents.observability.concluding import findings, questions
from agents.observability.edges import inventory_of, topology_of
from agents.observability.looking import look
from agents.observability.names import workloads_of
from agents.observability.period import period_of
from agents.reporting import compose, read_facts, scene_of
from agents.specialist import Desk
from incidents.casefile import Assignment, CaseFile, Report
from incidents.finding import AgentName, Topic


class ObservabilitySpecialist:
    """Knows what is measured."""

    name = AgentName.OBSERVABILITY
    role = "Reads metrics, logs and traces: what hurts, since when, who failed first, and what used up what."
    topics = frozenset(
        {Topic.OVERVIEW, Topic.USAGE_BEFORE, Topic.HEALTH, Topic.LOGS, Topic.DEPENDENCIES, Topic.COMPARISON}
    )

    async def work(self, assignment: Assignment, case: CaseFile, desk: Desk) -> Report:
        """Look, read facts, report."""
        started = desk.clock.now()
        await look(assignment, case, desk, period=period_of(assignment, case, now=started))
        sightings, now = Sightings(observations=desk.observations), desk.clock.now()
        scene = scene_of(assignment, case, now=now)
        reading = read_facts(self.name, sightings, scene)
        asked = workloads_of(scene.entities, case.topology)
        topology = topology_of(sightings, scene, reading.facts)
        behind = {callee for one in asked for callee in topology.callees(one, transitive=True)} - set(asked)
        return compose(
            assignment=assignment,
            desk=desk,
            started=started,
            reading=reading,
            findings=findings(assignment, reading.facts, near=(*asked, *case.focus), behind=behind, at=now),
            questions=questions(assignment, reading.facts, behind=behind),
            topology=topology,
            inventory=inventory_of(sightings, topology),
        )


SPECIALIST = ObservabilitySpecialist()
