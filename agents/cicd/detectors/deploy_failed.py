"""Finds deployments that GitHub was told to have failed and that no later one replaced."""

from collections.abc import Iterator

from agents.cicd.deploys import SHORT_SHA
from agents.cicd.period import period_of
from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from incidents.topology import Relation
from tools.github.client import Deployment
from tools.github.probes.deployments import DeploymentsView
from tools.probe import Observation

SPEC = FactSpec(
    kind=FactKind("deploy.failed"),
    role=FactRole.MECHANISM,
    meaning="The latest deployment to an environment was reported as failed.",
    attributes={
        "environment": "GitHub environment",
        "state": "failure or error",
        "commit": "commit that was to be deployed",
        "actor": "who started it",
        "repository": "owner/name",
        "description": "what the pipeline said",
    },
)
_FAILED = ("failure", "error")


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per environment whose latest deployment failed; about the workload when the repository builds one."""
    period = period_of(scene)
    for seen in sightings.of(DeploymentsView):
        latest: dict[str, Deployment] = {}
        for one in seen.view.deployments:
            latest.setdefault(one.environment, one)
        for one in latest.values():
            about = _about(seen, scene)
            if one.state in _FAILED and about and period.holds(one.state_at or one.created_at, entities=about):
                yield _fact(one, about, seen, scene)


def _about(seen: Observation[DeploymentsView], scene: Scene) -> tuple[EntityId, ...]:
    """The workload, then the repository; the repository first when it builds several workloads."""
    repositories = seen.evidence.entities
    built = [w for repo in repositories for w in scene.case.topology.sources(repo, Relation.BUILT_FROM)]
    return (*built, *repositories) if len(built) == 1 else (*repositories, *built)


def _fact(one: Deployment, about: tuple[EntityId, ...], seen: Observation[DeploymentsView], scene: Scene) -> Fact:
    at = one.state_at or one.created_at
    what = f"the deployment of {one.sha[:SHORT_SHA]} to {one.environment or 'its environment'}"
    because = f": {one.state_text}" if one.state_text else ""
    return state(
        SPEC,
        entity=about[0],
        text=f"{what} failed at {clock_time(at, now=scene.now)}{because}",
        seen=(seen,),
        at=at,
        related=about[1:],
        detector=DETECTOR.name,
        environment=one.environment or None,
        state=one.state,
        commit=one.sha,
        actor=one.creator or None,
        repository=seen.view.repository,
        description=one.state_text or None,
    )


DETECTOR = Detector(name="cicd.deploy_failed", emits=(SPEC,), needs=(DeploymentsView,), detect=detect)
