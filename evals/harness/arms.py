"""Who argues in an eval: the rule engine, a model over the rule engine's case file, or a model with its tools alone.

A model's calls are kept by their keys, so that a run can be repeated without the model and without a key.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from agents.challenger import Challenge
from agents.model.engine import Argued, ModelEngine, engine_of, replaying
from agents.runbooks.library import Library
from evals.harness.investigation import PATIENCE, Investigated, Living
from evals.harness.opening import opened
from incidents.alert import Alert
from incidents.casefile import Assignment, CaseFile, Report, pooled
from incidents.diagnosis import Diagnosis, Engine, Verdict
from incidents.finding import AgentName, Topic
from incidents.ids import EntityId
from incidents.recording import ModelCall
from incidents.value import Value
from orchestrator.desk import LiveDesk
from orchestrator.settings import Model
from tools.clock import Clock, ManualClock
from tools.estate import Cluster

NOT_ASKED = "The rule engine was not asked."


class Arm(StrEnum):
    """One way to a diagnosis."""

    RULES = "rules"
    """The rule engine alone."""
    MODEL = "model"
    """A model that argues over the specialists' case file, checked by code: the product with a model."""
    MODEL_ALONE = "model-alone"
    """A model with the alerts, the inventory and the read-only probes as tools: no specialists, facts and rules."""


class ModelChoice(Value):
    """Which model argues, or whose recorded words are said again."""

    settings: Model
    replay: Path | None = None
    """A file of recorded calls: nothing is asked of any model."""


class TapeError(ValueError):
    """The file of recorded calls cannot be used: the message names file and line."""


def read_calls(path: Path) -> tuple[ModelCall, ...]:
    """Recorded calls, one JSON object a line. Raises TapeError."""
    calls: list[ModelCall] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise TapeError(f"{path} cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        try:
            calls.append(ModelCall.model_validate_json(line))
        except ValueError as error:
            raise TapeError(f"{path}:{number}: no recorded call; record anew with --record-model") from error
    return tuple(calls)


def write_calls(path: Path, calls: Iterable[ModelCall]) -> int:
    """Write them sorted by key, each once. Returns how many there are."""
    kept = {call.key: call for call in calls}
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(kept[key].model_dump(), ensure_ascii=False) for key in sorted(kept))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return len(kept)


def engine(choice: ModelChoice) -> ModelEngine:
    """The engine of a choice. Raises TapeError, and ValueError when no model is named."""
    made = engine_of(choice.settings)
    if made is None:
        raise ValueError("the arms model and model-alone need a model: --model provider:name")
    if choice.replay is None:
        return made
    return replaying(made.name, read_calls(choice.replay), budget=made.budget)


@dataclass(kw_only=True)
class LiveArguer:
    """A model at the diagnostician's desk, and what it used."""

    engine: ModelEngine
    cluster: Cluster
    library: Library
    alone: bool = False
    """Whether nobody has looked before it."""
    said: list[Argued] = field(default_factory=list)

    async def argue(self, case: CaseFile, rules: Diagnosis, *, now: datetime) -> Argued:
        """Let it argue; whatever happens to it, the rules' answer stands."""
        desk = LiveDesk(
            cluster=self.cluster,
            clock=ManualClock(now),
            agent=AgentName.DIAGNOSTICIAN,
            probes=self.engine.budget.tool_calls,
            seconds=self.engine.budget.seconds,
        )
        argued = await self.engine.argue(case, rules, self.library, desk, now=now, alone=self.alone)
        self.said.append(argued)
        return argued

    @property
    def calls(self) -> tuple[ModelCall, ...]:
        """All that was said."""
        return tuple(call for argued in self.said for call in argued.calls)

    @property
    def used(self) -> dict[str, float]:
        """Metrics of what it cost: tokens, dollars, calls."""
        records = [argued.record for argued in self.said]
        return {
            "model calls": float(sum(record.calls for record in records)),
            "tokens": float(sum(record.tokens_in + record.tokens_out for record in records)),
            "usd": sum(record.usd for record in records),
        }


async def alone(
    arguer: LiveArguer, *, alerts: Sequence[Alert], entities: Sequence[EntityId], clock: Clock
) -> Investigated:
    """Let the model find the cause by itself. It is told the alerts and what exists, and may ask the probes."""
    cluster, now = arguer.cluster, clock.now()
    incident, own = opened(alerts, cluster=cluster.name, now=now, entities=entities)
    exists = await _inventory(pooled(incident, alerts=own, reports=()), arguer, clock)
    argued = await arguer.argue(pooled(incident, alerts=own, reports=[exists]), _silent(now), now=now)
    seen = Report(agent=AgentName.DIAGNOSTICIAN, round=1, evidence=argued.evidence)
    return Investigated(
        case=pooled(incident, alerts=own, reports=[exists, seen]),
        diagnosis=argued.diagnosis,
        challenge=Challenge(agrees=True, reason="Nobody challenged it.", diagnosis=argued.diagnosis),
        rounds=1,
        probes=argued.record.tool_calls,
        seconds=argued.record.seconds,
        reports=(seen,),
    )


async def _inventory(case: CaseFile, arguer: LiveArguer, clock: Clock) -> Report:
    """What exists, of what the Kubernetes specialist sees: no fact, no finding, no observation."""
    assignment = Assignment(agent=AgentName.KUBERNETES, topic=Topic.OVERVIEW, entities=case.focus, round=1)
    seen = await Living(cluster=arguer.cluster, clock=clock).look(assignment, case, budget=PATIENCE)
    return Report(agent=AgentName.KUBERNETES, round=1, inventory=seen.inventory, topology=seen.topology)


def _silent(now: datetime) -> Diagnosis:
    return Diagnosis(
        verdict=Verdict.INCONCLUSIVE, hypotheses=(), engine=Engine.RULES, reason=NOT_ASKED, at=now, round=1
    )
