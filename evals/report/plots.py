"""The pictures of the report, as SVG that lies in the page itself. Figures in, pictures out."""

import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from evals.harness.result import CaseResult
from evals.scores.calibration import bins, covered, judged
from evals.scores.suite import Suite

mpl.use("svg")
INK, FAINT, GOOD, BAD, BLUE = "#1f2937", "#d1d5db", "#15803d", "#b91c1c", "#2563eb"
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": "#e5e7eb",
    "svg.fonttype": "none",
    "svg.hashsalt": "midwatch",
}
MOST_CAUSES = 24
"""Rows and columns of the confusion: more cannot be read."""
NOTHING = "(nothing)"


def accuracy(suite: Suite) -> str:
    """A bar per family with its interval, the worst on top."""
    families = sorted(suite.families.items(), key=lambda item: (-item[1]["correct"].value, item[0]), reverse=True)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.6, 1.1 + 0.27 * len(families)), layout="constrained")
        axes = figure.subplots()
        for place, (_, figures) in enumerate(reversed(families)):
            one = figures["correct"]
            colour = GOOD if one.value >= GREEN_FROM else BLUE if one.value >= BLUE_FROM else BAD
            axes.barh(place, one.value, color=colour, height=0.62, alpha=0.85)
            axes.plot([one.low, one.high], [place, place], color=INK, linewidth=1.1)
            axes.text(1.02, place, f"{one.value:.0%} of {one.cases}", va="center", fontsize=8.5)
        axes.set_yticks(range(len(families)), [name for name, _ in reversed(families)])
        axes.set(xlim=(0, 1), title="Right answers by family", ylim=(-0.6, len(families) - 0.4))
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.tick_params(length=0)
        axes.grid(axis="x", linewidth=0.6)
        axes.set_axisbelow(True)
        return _svg(figure)


GREEN_FROM, BLUE_FROM = 0.92, 0.8
"""Aims of the library: overall, and in the worst family."""


def reliability(suite: Suite) -> str:
    """Probability against accuracy: on the diagonal it means what it says."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 4.0), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, zorder=1)
        for one in bins(judged(suite.results)):
            axes.bar(
                (one.low + one.high) / 2, one.accuracy, width=0.092, color=BLUE, alpha=0.16, edgecolor="none", zorder=2
            )
            axes.scatter(one.confidence, one.accuracy, s=18 + 4 * one.cases, color=BLUE, zorder=3, alpha=0.9)
            axes.annotate(
                str(one.cases),
                (one.confidence, one.accuracy),
                textcoords="offset points",
                xytext=(0, 10),
                ha="center",
                fontsize=8,
            )
        error = suite.metrics.get("ECE")
        said = f" (ECE {error.value:.3f})" if error else ""
        axes.set(title=f"Calibration{said}", xlabel="probability given", ylabel="share that was right")
        _shares(axes)
        return _svg(figure)


def coverage(suite: Suite) -> str:
    """How right it is when only the surest cases are answered."""
    pairs = judged(suite.results)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 4.0), layout="constrained")
        axes = figure.subplots()
        if pairs:
            curve = covered(pairs)
            axes.step([x for x, _ in curve], [y for _, y in curve], where="post", color=BLUE, linewidth=1.6)
            said = sum(r.verdict not in ("inconclusive", "") for r in suite.results) / max(1, len(suite.results))
            axes.axvline(said, color=INK, linewidth=0.9, linestyle=(0, (3, 3)))
            axes.annotate("diagnosed", (said, 0.03), textcoords="offset points", xytext=(-4, 0), ha="right", fontsize=8)
        axes.set(title="Coverage against accuracy", xlabel="share of cases answered", ylabel="share of those right")
        _shares(axes)
        return _svg(figure)


def effort(suite: Suite) -> str:
    """Probes and seconds of CPU, right and wrong cases apart."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.4, 4.0), layout="constrained")
        axes = figure.subplots()
        for right, colour, word in ((True, GOOD, "right"), (False, BAD, "wrong")):
            chosen = [r for r in suite.results if r.correct is right and not r.error]
            if chosen:
                axes.scatter(
                    [r.probes for r in chosen],
                    [r.cpu_seconds for r in chosen],
                    s=16,
                    color=colour,
                    alpha=0.6,
                    label=f"{word} ({len(chosen)})",
                    edgecolors="none",
                )
        axes.set(title="Probes and time", xlabel="probes of the investigation", ylabel="CPU seconds of the case")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, loc="upper left", fontsize=8.5)
        axes.grid(linewidth=0.6)
        axes.set_axisbelow(True)
        return _svg(figure)


def confusion(suite: Suite) -> str:
    """What was expected against what was said first. Only words that were ever confused have a row; empty: none was."""
    pairs = Counter((_word(r.expected), _first(r)) for r in suite.results if not r.error)
    wrong = [(pair, count) for pair, count in pairs.most_common() if pair[0] != pair[1] and not _quiet(pair)]
    rows = sorted({expected for (expected, _), _ in wrong[:MOST_CAUSES]})
    columns = sorted({said for (_, said), _ in wrong[:MOST_CAUSES]} | set(rows))
    if not rows:
        return ""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2.9 + 0.29 * len(columns), 2.5 + 0.27 * len(rows)), layout="constrained")
        axes = figure.subplots()
        _cells(axes, rows, columns, pairs)
        axes.set(title="Confused causes", ylabel="expected")
        axes.set_xlabel("said first")
        return _svg(figure)


def _cells(axes: Axes, rows: Sequence[str], columns: Sequence[str], pairs: Counter[tuple[str, str]]) -> None:
    for y, expected in enumerate(rows):
        for x, said in enumerate(columns):
            if count := pairs.get((expected, said), 0):
                axes.scatter(x, y, s=140, marker="s", color=GOOD if expected == said else BAD, alpha=0.75)
                axes.text(x, y, str(count), ha="center", va="center", color="white", fontsize=8)
    axes.set_xticks(range(len(columns)), columns, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.set(xlim=(-0.6, len(columns) - 0.4), ylim=(len(rows) - 0.4, -0.6))
    axes.tick_params(length=0)
    axes.grid(linewidth=0.5)
    axes.set_axisbelow(True)


def _word(expected: str) -> str:
    """The cause of `cause at entity`; of several the first; the whole of anything else, shortened."""
    word = expected.split(";", maxsplit=1)[0].split(" at ", maxsplit=1)[0]
    return word if len(word) <= LONGEST_WORD else word[: LONGEST_WORD - 1] + "…"


LONGEST_WORD = 34
"""Characters of a label."""


def _first(result: CaseResult) -> str:
    silent = result.verdict == "inconclusive" or not result.ranked
    return NOTHING if silent and not result.correct else _word(result.expected if silent else result.ranked[0])


def _quiet(pair: tuple[str, str]) -> bool:
    return pair[0] == pair[1]


def _shares(axes: Axes) -> None:
    axes.set(xlim=(0, 1.02), ylim=(0, 1.06))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(linewidth=0.6)
    axes.set_axisbelow(True)


def _svg(figure: Figure) -> str:
    """The picture without its XML head, so that it can stand in a page."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = stream.getvalue()
    return text[text.index("<svg") :]
