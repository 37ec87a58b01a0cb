"""A run on the terminal: a table per family with intervals, and of every case that went wrong why."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evals.harness.result import CaseResult, Shown
from evals.scores.interval import Interval
from evals.scores.suite import Suite

MOST_FAILURES = 30
"""Failures that are explained; the JSON and the page have all."""
OVERALL = "all"
TELLING = ("right", "AC@3", "itbench", "healed", "harmed", "quiet", "abstained")
"""Of a run of scenarios the metrics that have a column; the others are told overall."""
PIPED_WIDTH = 140
"""Columns where nobody says how wide the terminal is."""


def show(suite: Suite, console: Console, *, explain: int = MOST_FAILURES) -> None:
    """Print it."""
    wrong = [result for result in suite.results if not flawless(result)]
    for result in wrong[:explain]:
        for line in explanation(result):
            console.print(line, highlight=False, soft_wrap=True)
        console.print()
    if len(wrong) > explain:
        console.print(f"... and {len(wrong) - explain} more that went wrong: --json or --html has them all\n")
    console.print(_table(suite))
    console.print(_rest(suite), highlight=False, soft_wrap=True)
    console.print(_spent(suite), highlight=False, soft_wrap=True)


def terminal() -> Console:
    """The console: as wide as the terminal, and wide enough for the table where the output goes into a file."""
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_WIDTH)


def flawless(result: CaseResult) -> bool:
    """Whether nothing of it has to be explained: rightly argued, and healed without harm where it could be."""
    deed = result.deed
    if result.error or result.defects:
        return False
    return result.correct and (deed is None or (deed.healed is not False and not deed.harmful))


def explanation(result: CaseResult, *, arguments: int = 3) -> Iterator[str]:
    """What was expected, what was said instead, and why."""
    mark = "[green]right[/]" if result.correct else "[red]wrong[/]"
    yield f"{mark} [bold]{escape(result.case)}[/]  ({escape(result.family)}, {result.seconds:.1f} s)"
    yield f"  expected  {escape(result.expected)}"
    if result.error:
        yield from (f"  [red]{escape(line)}[/]" for line in result.error.strip().splitlines()[-6:])
        return
    yield f"  answered  {escape(', '.join(result.ranked[:3]) or 'nothing')}  [dim]{escape(result.reason)}[/]"
    for shown in result.hypotheses[:3]:
        yield from _argued(shown, arguments=arguments)
    if result.deed is not None:
        deed = result.deed
        done = escape("; ".join(deed.proposed) or "nothing")
        yield f"  did       {done}: {deed.ending}  [dim]{escape(deed.detail)}[/]"
    yield from (f"  [red]defect    {escape(defect)}[/]" for defect in result.defects)
    yield from (f"  note      {escape(note)}" for note in result.notes)


def _argued(shown: Shown, *, arguments: int) -> Iterator[str]:
    yield f"    {shown.probability:.0%} {escape(shown.cause)} at {escape(shown.entity)}"
    yield from (f"         [green]{escape(line)}[/]" for line in shown.speaks_for[:arguments])
    yield from (f"         [yellow]{escape(line)}[/]" for line in shown.speaks_against[:arguments])


def _table(suite: Suite) -> Table:
    names = _columns(suite)
    table = Table("family", "cases", *names, title=f"{suite.name}: with 95 % intervals", title_justify="left")
    for family, figures in sorted(suite.families.items(), key=lambda item: (item[1]["correct"].value, item[0])):
        cases = figures["correct"].cases
        table.add_row(family, str(cases), *(_cell(figures.get(name)) for name in names))
    table.add_section()
    table.add_row(OVERALL, str(len(suite.results)), *(_cell(suite.metrics.get(name)) for name in names), style="bold")
    return table


def _columns(suite: Suite) -> list[str]:
    """The metrics with a column: those of scenarios that decide, or all of a benchmark's."""
    known = [name for name in TELLING if name in suite.metrics]
    return known or [name for name in suite.metrics if name != "correct"] or ["correct"]


def _cell(figure: Interval | None) -> str:
    return "-" if figure is None else f"{_short(figure.value)} [dim]{_short(figure.low)}-{_short(figure.high)}[/]"


def _short(value: float) -> str:
    """`.93`, `1.0`."""
    text = f"{value:.2f}"
    return text[1:] if text.startswith("0") else text[:3]


def _rest(suite: Suite) -> str:
    """The metrics without a column, overall."""
    shown = {*_columns(suite), "correct", "right"}
    told = [f"{name} {figure.value:.3f}" for name, figure in suite.metrics.items() if name not in shown]
    return "  ".join(told)


def _spent(suite: Suite) -> str:
    times = sorted(result.seconds for result in suite.results) or [0.0]
    cpu = sum(result.cpu_seconds for result in suite.results) / max(1, len(suite.results))
    probes = sum(result.probes for result in suite.results) / max(1, len(suite.results))
    failures = sum(1 for result in suite.results if result.error)
    broken = f"; {failures} could not be run" if failures else ""
    return (
        f"{_at(times, 0.5):.1f} s a case (95 %: {_at(times, 0.95):.1f} s), {cpu:.1f} s CPU, {probes:.0f} probes{broken}"
    )


def _at(order: Sequence[float], share: float) -> float:
    return order[min(len(order) - 1, int(share * len(order)))]
