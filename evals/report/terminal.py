"""A run on the terminal: a table per family with intervals, and of every case that went wrong why."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evals.harness.result import CaseResult, Shown
from evals.scores.interval import Interval
from evals.scores.suite import Figures, Suite

MOST_FAILURES = 30
"""Failures that are explained; the JSON and the page have all."""
OVERALL = "all"


def show(suite: Suite, console: Console, *, explain: int = MOST_FAILURES) -> None:
    """Print it."""
    wrong = [result for result in suite.results if result.error or not result.correct]
    for result in wrong[:explain]:
        for line in explanation(result):
            console.print(line, highlight=False)
        console.print()
    if len(wrong) > explain:
        console.print(f"... and {len(wrong) - explain} more that went wrong: --json or --html has them all\n")
    console.print(_table(suite))
    console.print(_spent(suite), highlight=False)


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
    yield from (f"  note      {escape(note)}" for note in result.notes)


def _argued(shown: Shown, *, arguments: int) -> Iterator[str]:
    yield f"    {shown.probability:.0%} {escape(shown.cause)} at {escape(shown.entity)}"
    yield from (f"         [green]{escape(line)}[/]" for line in shown.speaks_for[:arguments])
    yield from (f"         [yellow]{escape(line)}[/]" for line in shown.speaks_against[:arguments])


def _table(suite: Suite) -> Table:
    names = [name for name in suite.metrics if name != "correct" or len(suite.metrics) == 1]
    table = Table("family", "cases", *names, title=f"{suite.name}: 95 % intervals in brackets", title_justify="left")
    for family, figures in sorted(suite.families.items(), key=lambda item: _worst_first(item[1])):
        cases = figures["correct"].cases
        table.add_row(family, str(cases), *(_cell(figures.get(name)) for name in names))
    table.add_section()
    table.add_row(OVERALL, str(len(suite.results)), *(_cell(suite.metrics.get(name)) for name in names), style="bold")
    return table


def _worst_first(figures: Figures) -> float:
    return figures["correct"].value


def _cell(figure: Interval | None) -> str:
    if figure is None:
        return "-"
    return f"{figure.value:.2f} [dim]\\[{figure.low:.2f} {figure.high:.2f}][/]"


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
