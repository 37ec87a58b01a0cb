"""The run as one page that a person looks at: it needs nothing but a browser, and no network."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from evals.report import plots
from evals.report.terminal import TELLING, flawless
from evals.scores.interval import Interval
from evals.scores.suite import Suite
from incidents.value import Value

LABELS = {
    "right": "right verdict",
    "healed": "healed",
    "harmed": "harmful proposals",
    "quiet": "quiet on healthy estates",
    "abstained": "abstained where nobody can know",
    "itbench": "ITBench score",
    "cited": "evidence cited exists",
    "brier": "Brier score",
    "ECE": "calibration error (ECE)",
    "cause@1": "cause first",
    "entity@1": "entity first",
    "agreement": "same answer when repeated",
}
"""Metrics in words; those of benchmarks keep their names."""


class Figure(Value):
    """One figure as it is printed."""

    label: str = ""
    value: str
    bounds: str


class Row(Value):
    """One family."""

    name: str
    cases: int
    cells: tuple[Figure, ...]


def write(suite: Suite, path: Path, *, stopped: str = "") -> None:
    """Write it, making the folder. `stopped` says how far a run came that was stopped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(suite, stopped=stopped), encoding="utf-8")


def page(suite: Suite, *, stopped: str = "") -> str:
    """The page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape(("j2",)), undefined=StrictUndefined
    )
    return environment.get_template("page.html.j2").render(
        suite=suite,
        stopped=stopped,
        cards=[_figure(one, LABELS.get(name, name)) for name, one in suite.metrics.items() if name != "correct"],
        columns=[LABELS.get(name, name) for name in _columns(suite)],
        families=_rows(suite),
        flawless=flawless,
        failures=sum(1 for result in suite.results if result.error),
        wrong=sum(1 for result in suite.results if not flawless(result)),
        plots={name: getattr(plots, name)(suite) for name in PLOTS},
    )


FINE = 0.1
"""Below it a figure is shown with one digit more."""
PLOTS = ("accuracy", "reliability", "coverage", "effort", "confusion")


def _columns(suite: Suite) -> list[str]:
    known = [name for name in TELLING if name in suite.metrics]
    return known or [name for name in suite.metrics if name not in ("correct", "ECE")]


def _rows(suite: Suite) -> list[Row]:
    """The worst first."""
    order = sorted(suite.families.items(), key=lambda item: (item[1]["correct"].value, item[0]))
    return [
        Row(
            name=name,
            cases=figures["correct"].cases,
            cells=tuple(_figure(figures.get(column)) for column in _columns(suite)),
        )
        for name, figures in order
    ]


def _figure(one: Interval | None, label: str = "") -> Figure:
    """With the number of its cases where it stands alone: in the table that is a column of its own."""
    if one is None:
        return Figure(label=label, value="-", bounds="")
    value = f"{one.value:.2f}" if one.value >= FINE or one.value == 0 else f"{one.value:.3f}"
    bounds = f"{one.low:.2f} to {one.high:.2f}" if label else f"{one.low:.2f}-{one.high:.2f}"
    return Figure(label=label, value=value, bounds=f"{bounds}, {one.cases} cases" if label else bounds)
