"""`midwatch eval run`: chooses the cases, runs them with a progress bar, prints and writes what came of them."""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from evals.commands.arming import Arms, ArmsError, compared
from evals.datasets.dataset import DatasetError
from evals.harness import episode, recorded, scenarios
from evals.harness.arms import Arm, TapeError
from evals.harness.recorded import RecordedJob
from evals.harness.result import CaseResult
from evals.harness.scenarios import NoScenarioError
from evals.harness.workers import run_all
from evals.report import document, terminal
from evals.scores import baseline
from evals.scores.agreement import folded
from evals.scores.baseline import BaselineError, Regression, regressions
from evals.scores.suite import Suite, suite_of
from incidents.value import Value

USAGE, INTERRUPTED = 2, 130


class Options(Value):
    """What the command line said."""

    scenarios: tuple[str, ...] = ()
    dataset: str = ""
    path: Path | None = None
    workers: int = 1
    limit: int | None = None
    cases: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    json_file: Path | None = None
    html_file: Path | None = None
    renamed: int | None = None
    repeat: int = 1
    baseline: Path | None = None
    fail_on_regression: bool = False
    write_baseline: Path | None = None
    arms: Arms = Arms()


class _Run(Value):
    """What came of it, by engine, and of how many plays: fewer were made when it was stopped."""

    suites: tuple[tuple[Arm, Suite], ...]
    made: int
    wanted: int

    @property
    def stopped(self) -> str:
        """How far a run came that was stopped, in words; empty for a whole one."""
        return "" if self.made == self.wanted else f"stopped after {self.made} of {self.wanted}"


class _Named(Protocol):
    @property
    def case(self) -> str: ...

    @property
    def family(self) -> str: ...


JobT = TypeVar("JobT", bound=_Named)


class NothingChosenError(ValueError):
    """No case is left after --case, --family and --limit: the message says what there is."""


def run_command(options: Options) -> int:
    """Run what was asked for; 2 when it cannot be, 130 when it was stopped: then nothing is compared or kept."""
    console = terminal.terminal()
    try:
        with _terminable():
            run = _dataset(options, console) if options.dataset or options.path else _scenarios(options, console)
    except (DatasetError, NoScenarioError, NothingChosenError, ArmsError, TapeError) as error:
        console.print(str(error), markup=False, soft_wrap=True)
        return USAGE
    suites = run.suites
    for arm, suite in suites:
        if len(suites) > 1:
            console.rule(arm.value)
        terminal.show(suite, console)
    if len(suites) > 1:
        console.print(compared(suites))
    suite = suites[0][1]
    if options.json_file is not None:
        others = {arm.value: other for arm, other in suites[1:]}
        document.write(suite, options.json_file, others=others, complete=not run.stopped)
        console.print(f"written to {options.json_file}", markup=False, soft_wrap=True)
    if options.html_file is not None:
        from evals.report import page

        page.write(suite, options.html_file, stopped=run.stopped)
        console.print(f"written to {options.html_file}", markup=False, soft_wrap=True)
    if run.stopped:
        console.print(f"{run.stopped}: these are the figures of what was played", style="yellow", highlight=False)
        return _stopped(options, console)
    return _against_baseline(suite, options, console)


def _stopped(options: Options, console: Console) -> int:
    """Figures of some cases are none of the suite."""
    for path, word in ((options.baseline, "compared with"), (options.write_baseline, "kept as")):
        if path is not None:
            console.print(f"not {word} {path}: the run was stopped", style="yellow", markup=False, soft_wrap=True)
    return INTERRUPTED


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM, as CI sends it, stops a run like Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _against_baseline(suite: Suite, options: Options, console: Console) -> int:
    """Compare, and keep. 1 when a figure fell and that shall fail."""
    fallen: tuple[Regression, ...] = ()
    if options.baseline is not None:
        try:
            fallen = regressions(suite, baseline.read(options.baseline))
        except BaselineError as error:
            console.print(str(error), markup=False, soft_wrap=True)
            return USAGE
        for one in fallen:
            console.print(f"fell behind {options.baseline}: {one.text}", style="red", markup=False, soft_wrap=True)
        if not fallen:
            console.print(f"nothing fell behind {options.baseline}", markup=False, soft_wrap=True)
    if options.write_baseline is not None:
        baseline.write(suite, options.write_baseline)
        console.print(f"kept as {options.write_baseline}", markup=False, soft_wrap=True)
    return 1 if fallen and options.fail_on_regression else 0


def _scenarios(options: Options, console: Console) -> _Run:
    arms, model = options.arms.chosen, options.arms.choice
    chosen = choose(scenarios.jobs(options.scenarios), options)
    jobs = [
        job.model_copy(update={"seed": options.renamed, "repetition": number, "arm": arm, "model": model})
        for arm in arms
        for number in range(options.repeat)
        for job in chosen
    ]
    results = play(episode.work, jobs, lost=episode.lost, workers=options.workers, console=console)
    options.arms.keep(results, console)
    name = "scenarios" if options.renamed is None else "renamed scenarios"
    suites = tuple((arm, suite_of(name, folded([one for one in results if one.arm == arm]))) for arm in arms)
    return _Run(suites=suites, made=len(results), wanted=len(jobs))


def _dataset(options: Options, console: Console) -> _Run:
    if options.arms.chosen != (Arm.RULES,):
        raise ArmsError("--arms compares engines on scenarios; a benchmark is run by the rule engine")
    if not options.dataset or options.path is None:
        raise DatasetError(f"say which set and where it is: --dataset NAME --path DIR (sets: {_sets()})")
    if not options.path.is_dir():
        raise DatasetError(f"{options.path} is no folder: unpack the set and give its folder with --path")
    path = options.path.resolve()
    cases = recorded.dataset(options.dataset).cases(path)
    jobs = [RecordedJob(dataset=options.dataset, path=path, case=c.id, family=c.family) for c in cases]
    chosen = choose(jobs, options)
    results = play(recorded.work, chosen, lost=recorded.lost, workers=options.workers, console=console)
    suites = ((Arm.RULES, suite_of(options.dataset, results)),)
    return _Run(suites=suites, made=len(results), wanted=len(chosen))


def _sets() -> str:
    return ", ".join(recorded.names()) or "none"


def _means(name: str, case: str) -> bool:
    """A case by its whole name, or by its last part: `checkout-memory-limit`."""
    return name in (case, case.rpartition("/")[2])


def _nothing(jobs: Sequence[JobT], options: Options) -> str:
    names = [job.case for job in jobs] + [job.case.rpartition("/")[2] for job in jobs]
    near = [close for name in options.cases for close in get_close_matches(name, names, n=1)]
    hint = f"; {', '.join(dict.fromkeys(near))}?" if near else ""
    families = ", ".join(sorted({job.family for job in jobs}))
    return f"none of {len(jobs)} cases is meant{hint} (families: {families})"


def choose(jobs: Sequence[JobT], options: Options) -> list[JobT]:
    """Those that were asked for; a limit takes them evenly from the whole list, so that every family has a chance.

    Raises NothingChosenError.
    """
    found = [
        job
        for job in jobs
        if (not options.cases or any(_means(name, job.case) for name in options.cases))
        and (not options.families or job.family in options.families)
    ]
    if not found:
        raise NothingChosenError(_nothing(jobs, options))
    if options.limit is None or options.limit >= len(found):
        return found
    return [found[index * len(found) // options.limit] for index in range(options.limit)]


def play(
    work: Callable[[JobT], CaseResult],
    jobs: Sequence[JobT],
    *,
    lost: Callable[[JobT, str], CaseResult],
    workers: int,
    console: Console,
) -> list[CaseResult]:
    """Run them with a bar that says how many were right so far. Interrupted, it returns those that were run."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    results: list[CaseResult] = []
    with Progress(*columns, console=console, transient=True) as progress, suppress(KeyboardInterrupt):
        task = progress.add_task("0 right", total=len(jobs))
        for result in run_all(work, jobs, workers=workers, lost=lost):
            results.append(result)
            if not console.is_terminal:
                console.print(f"[{len(results)}/{len(jobs)}] {_line(result)}", markup=False, highlight=False)
            progress.update(task, advance=1, description=f"{_right(results)} right")
    if len(results) < len(jobs):
        console.print(f"interrupted: what follows is about {len(results)} of {len(jobs)} cases", style="yellow")
    return results


def _line(result: CaseResult) -> str:
    """Where nobody sees a bar move: a line per case."""
    word = "broken" if result.error else "right" if result.correct else "wrong"
    return f"{word} {result.case} ({result.seconds:.1f} s)"


def _right(results: Iterable[CaseResult]) -> int:
    return sum(result.correct for result in results)
