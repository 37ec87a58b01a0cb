"""Finds workflows whose latest finished run failed: a fix may not get through, a deploy may have stopped."""

from collections.abc import Iterator

from agents.detector import Detector, Scene, Sightings
from agents.reporting import state
from agents.wording import clock_time
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from incidents.topology import Relation
from tools.github.client import WorkflowRun
from tools.github.probes.workflow_runs import WorkflowRunsView
from tools.probe import Observation

SPEC = FactSpec(
    kind=FactKind("workflow.failing"),
    role=FactRole.MECHANISM,
    meaning="The latest finished run of a workflow on a branch that is deployed failed.",
    attributes={
        "workflow": "name of the workflow",
        "run": "number of the run",
        "step": "job / step that failed first, when it was looked at",
        "conclusion": "failure, timed_out or startup_failure",
        "branch": "branch",
        "commit": "commit that it ran on",
        "actor": "who caused the run",
    },
)
_FAILED = ("failure", "timed_out", "startup_failure")
_PROPOSED = ("pull_request", "pull_request_target", "merge_group")
"""Events of runs for what is only proposed: their failure stops nothing that runs."""


def detect(sightings: Sightings, scene: Scene) -> Iterator[Fact]:
    """One fact per workflow and branch."""
    for seen in sightings.of(WorkflowRunsView):
        latest: dict[tuple[str, str], WorkflowRun] = {}
        for run in seen.view.runs:
            if run.conclusion and run.event not in _PROPOSED:
                latest.setdefault((run.name, run.branch), run)
        for run in latest.values():
            if run.conclusion in _FAILED and seen.evidence.entities:
                yield _fact(run, seen, scene)


def _fact(run: WorkflowRun, seen: Observation[WorkflowRunsView], scene: Scene) -> Fact:
    repository, at = seen.evidence.entities[0], run.updated_at or run.created_at
    step = f" at {run.failed_steps[0]}" if run.failed_steps else ""
    when = clock_time(at, now=scene.now)
    return state(
        SPEC,
        entity=repository,
        text=f"workflow {run.name} of {seen.view.repository} failed{step} on {run.branch} at {when}",
        seen=(seen,),
        at=at,
        related=scene.case.topology.sources(repository, Relation.BUILT_FROM),
        detector=DETECTOR.name,
        workflow=run.name,
        run=run.id,
        step=run.failed_steps[0] if run.failed_steps else None,
        conclusion=run.conclusion,
        branch=run.branch or None,
        commit=run.sha or None,
        actor=run.actor or None,
    )


DETECTOR = Detector(name="cicd.workflow_failing", emits=(SPEC,), needs=(WorkflowRunsView,), detect=detect)
