"""One case of a benchmark: its recording is served, investigated like any incident, and judged by its adapter."""

import asyncio
import importlib
import pkgutil
import tempfile
import time
import traceback
from functools import cache
from pathlib import Path

import evals.datasets
from agents.runbooks.folders import RunbookFolders
from agents.runbooks.library import Library
from evals.datasets.dataset import Ask, Case, Dataset, DatasetError
from evals.harness.clock import StoryClock
from evals.harness.connecting import connections_to
from evals.harness.investigation import Investigated, investigate
from evals.harness.logs import plain_logs
from evals.harness.result import CaseResult, defects, shown
from incidents.value import Value
from tools.connect import connect
from worlds.clock import HandClock
from worlds.recorded.recording import Recording
from worlds.recorded.serving import serve_recording

CASE_SECONDS = 900.0
"""Wall-clock seconds after which a case is given up and counted as wrong."""


class RecordedJob(Value):
    """Which case of which set."""

    dataset: str
    path: Path
    case: str
    family: str


def names() -> tuple[str, ...]:
    """The sets that have an adapter, as people write them."""
    found = (module.name for module in pkgutil.iter_modules(evals.datasets.__path__))
    return tuple(sorted(name.replace("_", "-") for name in found if name != "dataset"))


def dataset(name: str) -> Dataset:
    """The adapter of a set. Raises DatasetError for a name that has none."""
    if name not in names():
        raise DatasetError(f"{name!r} is no data set: write one of {', '.join(names()) or 'none yet'}")
    module = importlib.import_module(f"evals.datasets.{name.replace('-', '_')}")
    if hasattr(module, "__path__"):
        module = importlib.import_module(f"{module.__name__}.benchmark")
    found: Dataset = module.DATASET
    return found


def work(job: RecordedJob) -> CaseResult:
    """Run one case; whatever it raises is told in the result."""
    plain_logs()
    started, cpu = time.perf_counter(), time.process_time()
    try:
        result = asyncio.run(_bounded(job))
    except Exception:  # noqa: BLE001 - the edge of a case: a broken one is counted, the others go on
        result = CaseResult(case=job.case, family=job.family, expected="", seconds=0.0, error=traceback.format_exc())
    seconds = {"seconds": round(time.perf_counter() - started, 3), "cpu_seconds": round(time.process_time() - cpu, 3)}
    return result.model_copy(update=seconds)


def lost(job: RecordedJob, why: str) -> CaseResult:
    """The result of a case whose process died."""
    return CaseResult(case=job.case, family=job.family, expected="", seconds=0.0, error=why)


async def _bounded(job: RecordedJob) -> CaseResult:
    async with asyncio.timeout(CASE_SECONDS):
        return await run_case(_cases(job.dataset, job.path)[job.case])


async def run_case(case: Case) -> CaseResult:
    """Serve, investigate, judge. Raises what the adapter raises."""
    recording, ask = case.load()
    found = await investigated(recording, ask)
    judgement = case.judge(found.diagnosis, found.case)
    return CaseResult(
        case=case.id,
        family=case.family,
        expected=judgement.expected,
        ranked=judgement.ranked,
        correct=judgement.correct,
        seconds=0.0,
        metrics=dict(judgement.metrics),
        notes=judgement.notes,
        confidence=found.diagnosis.hypotheses[0].probability if found.diagnosis.hypotheses else None,
        hit=judgement.correct if found.diagnosis.hypotheses else None,
        verdict=found.diagnosis.verdict.value,
        reason=found.diagnosis.reason,
        hypotheses=shown(found.diagnosis),
        probes=found.probes,
        rounds=found.rounds,
        gaps=tuple(dict.fromkeys(f"{gap.what}: {gap.why}" for gap in found.case.gaps)),
        defects=defects(found.case.gaps),
    )


async def investigated(recording: Recording, ask: Ask) -> Investigated:
    """One investigation of a recorded estate, at the moment at which somebody began to look."""
    clock = StoryClock(HandClock(recording.now))
    world = await serve_recording(recording)
    try:
        with tempfile.TemporaryDirectory(prefix="midwatch-eval-") as folder:
            connections = connections_to(recording.cluster, urls=world.urls, tokens=world.tokens, folder=Path(folder))
            async with connect(connections, clock=clock) as cluster:
                return await investigate(cluster, alerts=ask.alerts, library=library(), clock=clock)
    finally:
        await world.stop()


@cache
def library() -> Library:
    """The runbooks that come with Midwatch, read once per process."""
    return RunbookFolders().library()


@cache
def _cases(name: str, path: Path) -> dict[str, Case]:
    return {case.id: case for case in dataset(name).cases(path)}
