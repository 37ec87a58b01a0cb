"""The chart in the thread: failed requests around the onset with the changes marked, and what the action did to them.

Drawn from the same scene as the console's timeline; readable on Slack's light and dark background alike.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import DateFormatter, date2num
from matplotlib.figure import Figure

from agents.enquiry.metric import said
from agents.wording import percent
from incidents.enquiry import Drawing
from service.story.words import hm
from service.web.pictures.scene import Lane, Scene

WIDTH, HEIGHT, DPI = 7.2, 2.4, 160
"""Inches and dots: about 1150 x 380 pixels, sharp on a phone."""
INK, LINE, CAUSE, ACTION = "#7f8790", "#3b82f6", "#e0662b", "#2f9e6e"
"""Mid tones that keep a contrast of 3:1 on white and on Slack's dark grey."""
CHANGES = 4
ROW = 0.1
"""Of the height: the labels of lines stand below one another."""
BEFORE = timedelta(minutes=15)
"""So much of the time before the onset is drawn."""


def chart_of(scene: Scene) -> bytes | None:
    """A PNG; None when no requests were seen, or never a failing one."""
    if scene.series is None or len(scene.series.points) < 2 or not any(v for _, v in scene.series.points):  # noqa: PLR2004 - a line has two ends
        return None
    points = tuple((at, value * 100) for at, value in _near(scene))
    return _png(points, _lines(scene), title=f"{scene.series.name}, in percent (times in UTC)")


def drawn(drawing: Drawing) -> bytes:
    """A PNG of the curve of an answer."""
    scale, unit = {"ratio": (100, "percent"), "seconds": (1000, "milliseconds")}.get(drawing.unit, (1, drawing.unit))
    points = tuple((at, value * scale) for at, value in drawing.points)
    begin, end = points[0][0], points[-1][0]
    lines = [(at, _short(label), INK) for at, label in drawing.marks if begin <= at <= end]
    return _png(points, lines, title=f"{drawing.title}, in {unit} (times in UTC)")


def drawn_alt(drawing: Drawing) -> str:
    """The same in words."""
    values = [value for _, value in drawing.points]
    return f"{drawing.title}: at most {said(max(values), drawing.unit)}, last {said(values[-1], drawing.unit)}"


def _png(points: Sequence[tuple[datetime, float]], lines: Sequence[tuple[datetime, str, str]], *, title: str) -> bytes:
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI)
    figure.patch.set_alpha(0.0)
    axes = figure.add_axes((0.075, 0.17, 0.905, 0.66))
    axes.patch.set_alpha(0.0)
    moments, values = [_number(moment) for moment, _ in points], [value for _, value in points]
    axes.plot(moments, values, color=LINE, linewidth=1.8)
    axes.fill_between(moments, values, color=LINE, alpha=0.15, linewidth=0)
    top = (max(values) or 1.0) * (1.15 + ROW * len(lines))
    for row, (moment, label, colour) in enumerate(lines):
        at = _number(moment)
        axes.axvline(at, color=colour, linewidth=1.2, linestyle=(0, (3, 2)))
        late = at - moments[0] > (moments[-1] - moments[0]) * 0.7
        side = "right" if late else "left"
        axes.text(at, top * (1 - ROW * row), f" {label} ", color=colour, fontsize=7.5, va="top", ha=side)
    axes.set_ylim(0, top)
    axes.set_xlim(min(moments), max(moments))
    _styled(axes)
    figure.text(0.012, 0.93, title, color=INK, fontsize=8.5, va="center")
    written = BytesIO()
    FigureCanvasAgg(figure).print_png(written)  # type: ignore[no-untyped-call] # matplotlib has no types here
    return written.getvalue()


def _styled(axes: Axes) -> None:
    """Hours and minutes below, no frame."""
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M", tz=UTC))  # type: ignore[no-untyped-call] # the same
    axes.tick_params(colors=INK, labelsize=7.5, length=2)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(INK)


def alt_of(scene: Scene) -> str:
    """The chart in words, for those who do not see it."""
    assert scene.series is not None
    values = [value for _, value in scene.series.points]
    onset = f", it began at {hm(scene.onset)} UTC" if scene.onset else ""
    return f"{scene.series.name}: at most {percent(max(values))}, last {percent(values[-1])}{onset}"


def _lines(scene: Scene) -> list[tuple[datetime, str, str]]:
    """Vertical lines: the onset, the changes nearest to it, and the action."""
    found = [(scene.onset, "onset", INK)] if scene.onset else []
    changes = [mark for mark in scene.marks if mark.lane is Lane.CHANGES]
    nearest = sorted(changes, key=lambda m: (m.tone != "cause", abs((m.at - (scene.onset or m.at)).total_seconds())))
    found += [(m.at, _short(m.label), CAUSE if m.tone == "cause" else INK) for m in nearest[:CHANGES]]
    found += [(s.start, "action", ACTION) for s in scene.stretches if s.lane is Lane.EXECUTION][:1]
    assert scene.series is not None
    points = _near(scene)
    return [line for line in sorted(found) if points[0][0] <= line[0] <= points[-1][0]]


def _near(scene: Scene) -> tuple[tuple[datetime, float], ...]:
    """The curve from a while before the onset on; all of it when the onset is not in it."""
    assert scene.series is not None
    begin = scene.onset - BEFORE if scene.onset else scene.series.points[0][0]
    kept = tuple(point for point in scene.series.points if point[0] >= begin)
    return kept if len(kept) > 1 else scene.series.points


def _short(label: str) -> str:
    return label if len(label) <= 28 else label[:27].rstrip() + "…"  # noqa: PLR2004 - what fits beside the next line


def _number(moment: datetime) -> float:
    return float(date2num(moment))  # type: ignore[no-untyped-call] # the same
