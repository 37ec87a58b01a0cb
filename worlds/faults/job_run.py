"""A Job of the estate is started once more under a new name, as a pipeline or a person does, and may fail."""

import copy
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from worlds.estate.effects import ActiveEffect
from worlds.faults.fault import Fault
from worlds.objects.kinds import kind_named
from worlds.scenario.effect import Effect

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_JOB = kind_named("Job")


class JobRun(Fault):
    """`kubectl create job` from the template of a workload of kind Job. The effect holds for the pods of this run."""

    kind: Literal["job_run"] = "job_run"
    workload: str
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", description="Name of the new Job.")
    effect: Effect | None = None
    manager: str = "kubectl-create"

    def workloads(self) -> tuple[str, ...]:
        """The Job that is the model."""
        return (self.workload,)

    def plan(self, world: "Simulation") -> None:
        """Create the Job."""
        if self.effect is not None:
            effect = ActiveEffect(target=self.workload, effect=self.effect, since=world.at(self.at))
            effect.holds = lambda pod, _environment: pod["metadata"].get("labels", {}).get("job-name") == self.name
            world.plan(self.at - 1, lambda: world.effects.add(effect))
        world.plan(self.at, lambda: self._create(world))

    def is_active(self, world: "Simulation") -> bool:
        """As long as the Job is there and has not completed."""
        live = world.cluster.store.find(_JOB, namespace=self.workload.partition("/")[0], name=self.name)
        conditions = (live or {}).get("status", {}).get("conditions", [])
        return live is not None and not any(c["type"] == "Complete" and c["status"] == "True" for c in conditions)

    def _create(self, world: "Simulation") -> None:
        namespace, _, name = self.workload.partition("/")
        model = world.cluster.store.get(_JOB, namespace=namespace, name=name)
        spec = copy.deepcopy(model["spec"])
        spec["template"]["metadata"].setdefault("labels", {})["job-name"] = self.name
        meta = {"name": self.name, "namespace": namespace, "labels": dict(model["metadata"].get("labels", {}))}
        world.cluster.store.create(_JOB, {"metadata": meta, "spec": spec, "status": {}}, manager=self.manager)
