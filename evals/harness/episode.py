"""One episode: a scenario is served, investigated, repaired and verified in virtual time and held against its truth."""

import asyncio
import tempfile
import time
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from evals.harness.arms import Arm, LiveArguer, ModelChoice, alone, engine
from evals.harness.asking import asked, still_firing
from evals.harness.clock import StoryClock
from evals.harness.colleague import merge_reverts
from evals.harness.connecting import connections_to
from evals.harness.investigation import Investigated, investigate
from evals.harness.logs import plain_logs
from evals.harness.recorded import library
from evals.harness.renaming import renamed
from evals.harness.repair import UNDONE, Repair, Repaired
from evals.harness.result import CaseResult, Deed, defects, shown
from evals.harness.truth import Known, known
from evals.replay.imported import is_imported, replayed
from evals.scores.episode import handled, scores
from incidents.action import ActionRequest
from incidents.alert import Alert
from incidents.ids import EntityId
from incidents.policy import Policy
from incidents.value import Value
from orchestrator.executor.assembly import open_hands
from orchestrator.policy.load import load_policy
from orchestrator.verification.measuring import Gauge
from tools.connect import connect
from tools.estate import Cluster, Connections
from worlds.clock import HandClock
from worlds.scenario.load import load_scenario
from worlds.scenario.scenario import Scenario
from worlds.server import World, serve

EPISODE_SECONDS = 900.0
"""Wall-clock seconds after which an episode is given up and counted as wrong."""


class EpisodeJob(Value):
    """Which scenario, and what is done to it before it is played."""

    path: Path
    case: str
    family: str
    seed: int | None = None
    """With a seed everything is given another name."""
    repetition: int = 0
    arm: Arm = Arm.RULES
    model: ModelChoice | None = None
    """Who argues in the arms with a model."""


def work(job: EpisodeJob) -> CaseResult:
    """Play one scenario; whatever it raises is told in the result."""
    plain_logs()
    started, cpu = time.perf_counter(), time.process_time()
    try:
        result = asyncio.run(_bounded(job))
    except Exception:  # noqa: BLE001 - the edge of a case: a broken one is counted, the others go on
        result = lost(job, traceback.format_exc())
    seconds = {"seconds": round(time.perf_counter() - started, 3), "cpu_seconds": round(time.process_time() - cpu, 3)}
    return result.model_copy(update=seconds)


def lost(job: EpisodeJob, why: str) -> CaseResult:
    """The result of an episode that could not be played to its end."""
    return CaseResult(
        case=job.case, family=job.family, expected="", seconds=0.0, error=why, repetition=job.repetition, arm=job.arm
    )


async def _bounded(job: EpisodeJob) -> CaseResult:
    async with asyncio.timeout(EPISODE_SECONDS):
        if is_imported(job.path):
            return await replayed(job.path, case=job.case, family=job.family, library=library())
        scenario = load_scenario(job.path)
        scenario = scenario if job.seed is None else renamed(scenario, job.seed)
        played = await play(scenario, arm=job.arm, model=job.model)
    return played.result(job)


@dataclass(frozen=True, kw_only=True)
class Played:
    """Everything that came of an episode."""

    truth: Known
    found: Investigated
    repaired: Repaired
    still_broken: tuple[str, ...]
    """Kinds of the faults that are still active at the end."""
    arguer: LiveArguer | None = None

    @property
    def healed(self) -> bool | None:
        """Whether what was broken is whole, by a verified repair; None where nothing could be repaired."""
        if not self.truth.causes or not self.truth.actions:
            return None
        return not self.still_broken and self.repaired.ending == "verified"

    @property
    def harmful(self) -> tuple[str, ...]:
        """Proposed actions that must not be; on an estate without a cause, every one."""
        proposal = self.repaired.proposal
        kinds = [action.request.kind for action in proposal.body.actions] if proposal else []
        return tuple(kind for kind in kinds if not self.truth.causes or kind in self.truth.must_not)

    def result(self, job: EpisodeJob) -> CaseResult:
        """As a row of the report."""
        diagnosis, case = self.found.diagnosis, self.found.case
        return CaseResult(
            case=job.case,
            family=job.family,
            expected=self.truth.text,
            ranked=tuple(f"{h.cause} at {h.entity.split('/', 1)[1]}" for h in diagnosis.hypotheses[:5]),
            correct=self.truth.right(diagnosis, case.topology),
            seconds=0.0,
            metrics=scores(truth=self.truth, found=self.found, healed=self.healed, harmed=bool(self.harmful))
            | handled(self.truth, ending=self.repaired.ending, put_aside=self.repaired.put_aside)
            | (self.arguer.used if self.arguer else {}),
            calls=self.arguer.calls if self.arguer else (),
            arm=job.arm,
            confidence=diagnosis.hypotheses[0].probability if diagnosis.hypotheses else None,
            hit=self.truth.hit(diagnosis.hypotheses[0], case.topology) is not None if diagnosis.hypotheses else None,
            verdict=diagnosis.verdict.value,
            reason=diagnosis.reason,
            hypotheses=shown(diagnosis),
            probes=self.found.probes,
            rounds=self.found.rounds,
            gaps=tuple(dict.fromkeys(f"{gap.what}: {gap.why}" for gap in case.gaps)),
            defects=defects(case.gaps),
            deed=self._deed(),
            repetition=job.repetition,
        )

    def _deed(self) -> Deed:
        proposal = self.repaired.proposal
        actions = proposal.body.actions if proposal else ()
        return Deed(
            proposed=tuple(_said(action.request) for action in actions),
            ending=self.repaired.ending,
            detail=self.repaired.detail,
            healed=self.healed,
            harmful=self.harmful,
            undone=self.repaired.ending == UNDONE,
            put_aside=tuple(f"{_said(one.request)}: {one.because}" for one in self.repaired.put_aside),
        )


def _said(request: ActionRequest) -> str:
    return f"{request.kind} {request.target.split('/', 1)[1]}"


async def play(scenario: Scenario, *, arm: Arm = Arm.RULES, model: ModelChoice | None = None) -> Played:
    """Play a scenario from its now to the verdict. Raises ValueError for an arm with a model and no model."""
    clock = StoryClock(HandClock(scenario.now))
    async with _served(scenario, clock) as (world, cluster, connections):
        estate = world.estate
        truth = known(scenario.truth, estate)
        alerts, entities = asked(estate)
        arguer = _arguer(cluster, arm=arm, model=model)
        found = await _investigated(cluster, arguer, alerts=alerts, entities=entities, clock=clock)

        async def count() -> int:
            return still_firing(estate, found.case.alerts)

        async with open_hands(connections, clock=clock, policy=_policy()) as hands:
            gauge = Gauge(clusters=lambda _: cluster, firing=count)
            repair = Repair(
                library=library(),
                hands=hands,
                gauge=gauge,
                connections=connections,
                clock=clock,
                colleague=partial(merge_reverts, world),
            )
            repaired = await repair.of(found)
        return Played(
            truth=truth, found=found, repaired=repaired, still_broken=tuple(estate.active_faults()), arguer=arguer
        )


@cache
def _policy() -> Policy:
    """The policy that comes with Midwatch, read once per process."""
    return load_policy()


def _arguer(cluster: Cluster, *, arm: Arm, model: ModelChoice | None) -> LiveArguer | None:
    if arm is Arm.RULES:
        return None
    if model is None:
        raise ValueError(f"the arm {arm} needs a model")
    return LiveArguer(engine=engine(model), cluster=cluster, library=library(), alone=arm is Arm.MODEL_ALONE)


async def _investigated(
    cluster: Cluster,
    arguer: LiveArguer | None,
    *,
    alerts: Sequence[Alert],
    entities: Sequence[EntityId],
    clock: StoryClock,
) -> Investigated:
    if arguer is not None and arguer.alone:
        return await alone(arguer, alerts=alerts, entities=entities, clock=clock)
    return await investigate(cluster, alerts=alerts, entities=entities, library=library(), clock=clock, arguer=arguer)


@asynccontextmanager
async def _served(scenario: Scenario, clock: StoryClock) -> AsyncIterator[tuple[World, Cluster, Connections]]:
    world = await serve(scenario, clock=clock.hand)
    clock.advance = world.advance
    try:
        with tempfile.TemporaryDirectory(prefix="midwatch-eval-") as folder:
            connections = connections_to(
                scenario.estate.cluster,
                urls=world.urls,
                tokens=world.tokens,
                folder=Path(folder),
                status_pages=world.status_pages,
            )
            async with connect(connections, clock=clock) as cluster:
                yield world, cluster, connections
    finally:
        await world.stop()
        world.estate.let_go()
