"""Draws the timeline: lanes over one time axis, the share of failed requests below, the onset through all."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from agents.wording import percent
from incidents.value import Value
from service.story.words import hm, hms
from service.web.pictures.scale import TimeScale, ValueScale, nice
from service.web.pictures.scene import Lane, Mark, Scene, Series, Stretch
from service.web.pictures.svg import element, fitted, path, picture, text, title

LANE_HEIGHT = 22.0
HEAD = 20.0
CHART = 62.0
AXIS = 20.0
CLUSTER = 11.0
"""Pixels within which marks of a lane become one with a number."""
TWO_LABELS = 110.0
"""Pixels that `onset 02:35` and `now 02:47` need beside each other."""
ENOUGH = 150.0
"""Pixels in which most labels fit: then they stand right of their mark, as people expect."""
SHORTEST = 14
"""Characters of a cut label that still say something."""
HOLE_SECONDS = 150.0
"""More than two minutes without a sample: a scrape or two may be missed, this is a hole."""
SHORT_SPAN = 600
"""Seconds below which ticks carry seconds."""


class Sheet(Value):
    """Measures of one drawing."""

    width: float
    gutter: float
    """Room for the lanes' names."""
    ticks: int


WIDE = Sheet(width=960, gutter=74, ticks=12)
NARROW = Sheet(width=344, gutter=60, ticks=5)


def timeline(scene: Scene, sheet: Sheet = WIDE) -> str:
    """The picture as SVG."""
    used = {mark.lane for mark in scene.marks} | {stretch.lane for stretch in scene.stretches}
    lanes = [lane for lane in Lane if lane in used]
    chart_top = HEAD + LANE_HEIGHT * len(lanes) + 6
    bottom = chart_top + (CHART if scene.series else 0)
    scale = TimeScale(start=scene.start, end=scene.end, left=sheet.gutter, right=sheet.width - 12)
    drawn = [*_axis(scale, sheet, bottom=bottom)]
    for index, lane in enumerate(lanes):
        drawn += _lane(scene, lane, scale, sheet, y=HEAD + LANE_HEIGHT * (index + 0.5))
    if scene.series:
        drawn += _chart(scene.series, scale, sheet, top=chart_top, bottom=bottom)
    drawn += _moments(scene, scale, bottom=bottom)
    return picture(drawn, width=sheet.width, height=bottom + AXIS, label=_words(scene))


def _axis(scale: TimeScale, sheet: Sheet, *, bottom: float) -> Iterable[str]:
    ticks = scale.ticks(most=sheet.ticks)
    close = (scale.end - scale.start).total_seconds() < SHORT_SPAN
    for at in ticks:
        x = scale.x(at)
        yield element("line", x1=x, x2=x, y1=HEAD, y2=bottom, class_="p-grid")
        if sheet.gutter < x < sheet.width - 16:
            label = hms(at) if close else hm(at)
            yield text(label, x=x, y=bottom + 14, class_="p-small p-quiet", anchor="middle")
    yield element("line", x1=sheet.gutter, x2=sheet.width - 12, y1=bottom, y2=bottom, class_="p-axis")


def _lane(scene: Scene, lane: Lane, scale: TimeScale, sheet: Sheet, *, y: float) -> Iterable[str]:
    yield text(lane.value, x=0, y=y + 4, class_="p-label p-quiet")
    stretches = [s for s in scene.stretches if s.lane is lane]
    marks = sorted((m for m in scene.marks if m.lane is lane), key=lambda m: m.at)
    for stretch in stretches:
        yield _stretch(stretch, scale, y=y)
    lasting = [s for s in stretches if s.tone != "wait"]
    groups = _clusters(marks, scale)
    taken = [_extent(s, scale) for s in lasting] + [_reach(group, scale) for group in groups]
    for stretch in lasting:
        own = _extent(stretch, scale)
        if stretch.tone == "alert" and (shown := _inside(stretch.label, own)):
            yield text(shown, x=own[0] + 6, y=y + 4, class_="p-label p-inside")
        else:
            yield _beside(stretch.label, own, taken, sheet, y=y)
    for group in groups:
        yield _mark(group, scale, y=y)
        label = group[0].label if len(group) == 1 else f"{len(group)} {lane.value}"
        yield _beside(label, _reach(group, scale), taken, sheet, y=y)


Extent = tuple[float, float]


def _extent(stretch: Stretch, scale: TimeScale) -> Extent:
    start = scale.x(stretch.start)
    return start, max(scale.x(stretch.end), start + 3)


def _reach(group: Sequence[Mark], scale: TimeScale) -> Extent:
    return scale.x(group[0].at) - 3, scale.x(group[-1].at) + 3


def _inside(label: str, own: Extent) -> str:
    """The label when all of it fits into the stretch."""
    return label if fitted(label, width=own[1] - own[0] - 12) == label else ""


def _beside(label: str, own: Extent, taken: Sequence[Extent], sheet: Sheet, *, y: float) -> str:
    """A label right of what it names when there is room for it, else left of it."""
    start, end = own
    after = min((left for left, _ in taken if left >= end - 1), default=sheet.width)
    before = max((right for _, right in taken if right <= start + 1), default=sheet.gutter)
    if after - end >= min(start - before, ENOUGH):
        return _label(label, x=end + 6, room=after - end - 6, sheet=sheet, y=y)
    shown = fitted(label, width=start - before - 14)
    return text(shown, x=start - 6, y=y + 4, class_="p-label p-halo", anchor="end") if shown else ""


def _label(label: str, *, x: float, room: float, sheet: Sheet, y: float) -> str:
    shown = fitted(label, width=min(room, sheet.width - x))
    if shown != label and len(shown) < SHORTEST:
        return ""  # `7 fin…` says less than the dot that it stands beside
    return text(shown, x=x, y=y + 4, class_="p-label p-halo") if shown else ""


def _clusters(marks: Sequence[Mark], scale: TimeScale) -> list[list[Mark]]:
    groups: list[list[Mark]] = []
    for mark in marks:
        near = groups and scale.x(mark.at) - scale.x(groups[-1][-1].at) < CLUSTER
        same = near and groups[-1][0].lane in (Lane.FINDINGS, Lane.CHANGES)
        if same:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return groups


def _mark(group: Sequence[Mark], scale: TimeScale, *, y: float) -> str:
    first, x = group[0], scale.x(group[0].at)
    told = title("\n".join(f"{hms(mark.at)} {mark.label}" for mark in group))
    if any(mark.tone == "cause" for mark in group):
        return element("path", told, d=_diamond(x, y, 6), class_="p-change-cause")
    match first.tone:
        case "change":
            return element("path", told, d=_diamond(x, y, 5), class_="p-change")
        case "finding":
            width = max(7.0, scale.x(group[-1].at) - x + 7)
            return element("rect", told, x=x - 3.5, y=y - 3.5, width=width, height=7.0, rx=3.5, class_="p-finding")
        case "approve":
            return element("circle", told, cx=x, cy=y, r=5.0, class_="p-good")
        case "reject":
            return element("rect", told, x=x - 5, y=y - 5, width=10.0, height=10.0, class_="p-bad")
        case _:
            return element("path", told, d=f"M{x:.1f} {y - 6:.1f} l6 11 h-12 Z", class_="p-decision")


def _diamond(x: float, y: float, r: float) -> str:
    return f"M{x:.1f} {y - r:.1f} L{x + r:.1f} {y:.1f} L{x:.1f} {y + r:.1f} L{x - r:.1f} {y:.1f} Z"


CLASSES = {"alert": "p-alert", "run": "p-run", "good": "p-good", "bad": "p-bad", "watch": "p-watch"}


def _stretch(stretch: Stretch, scale: TimeScale, *, y: float) -> str:
    x1, x2 = _extent(stretch, scale)
    ended = "now" if stretch.open else hms(stretch.end)
    told = title(f"{hms(stretch.start)} to {ended}: {stretch.label}")
    if stretch.tone == "wait":
        return element("line", told, x1=x1, x2=x2, y1=y, y2=y, class_="p-wait")
    thin = stretch.tone in ("good", "watch")
    height = 6.0 if thin else 15.0 if stretch.tone == "alert" else 10.0
    return element(
        "rect", told, x=x1, y=y - height / 2, width=x2 - x1, height=height, rx=2.0, class_=CLASSES[stretch.tone]
    )


def _chart(series: Series, scale: TimeScale, sheet: Sheet, *, top: float, bottom: float) -> Iterable[str]:
    shown = [(at, value) for at, value in series.points if scale.start <= at <= scale.end]
    if not shown:
        return
    peak = max(value for _, value in shown)
    values = ValueScale(high=nice(max(peak, 0.01)), top=top + 8, bottom=bottom)
    yield text("failed", x=0, y=top + 18, class_="p-label p-quiet")
    yield text("requests", x=0, y=top + 31, class_="p-label p-quiet")
    yield element("line", x1=sheet.gutter, x2=sheet.width - 12, y1=values.top, y2=values.top, class_="p-grid")
    yield text(percent(values.high), x=sheet.gutter - 6, y=values.top + 4, class_="p-small p-quiet", anchor="end")
    told = title(f"{series.name}, peak {percent(peak)}")
    parts = [[(scale.x(at), values.y(value)) for at, value in part] for part in unbroken(shown)]
    for points in parts:
        area = [(points[0][0], bottom), *points, (points[-1][0], bottom)]
        yield element("path", d=f"{path(area)} Z", class_="p-area")
        yield element("path", told, d=path(points), class_="p-line")
    for earlier, later in pairwise(parts):
        yield element("path", title("not measured"), d=path((earlier[-1], later[0])), class_="p-gap")


def unbroken(points: Sequence[tuple[datetime, float]]) -> list[list[tuple[datetime, float]]]:
    """The points in runs without a hole: nothing is drawn as measured that was not."""
    runs: list[list[tuple[datetime, float]]] = []
    for point in points:
        if runs and (point[0] - runs[-1][-1][0]).total_seconds() <= HOLE_SECONDS:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _moments(scene: Scene, scale: TimeScale, *, bottom: float) -> Iterable[str]:
    """The lines through all lanes: the onset, and now."""
    if scene.onset and scale.start <= scene.onset <= scale.end:
        x = scale.x(scene.onset)
        yield element("line", x1=x, x2=x, y1=HEAD - 6, y2=bottom, class_="p-onset")
        yield text(f"onset {hm(scene.onset)}", x=x, y=10, class_="p-label p-onset-text", anchor=_anchor(x, scale))
    if scene.now:
        x = scale.x(scene.now)
        yield element("line", x1=x, x2=x, y1=HEAD - 6, y2=bottom, class_="p-now")
        near = scene.onset is not None and x - scale.x(scene.onset) < TWO_LABELS
        if not near:
            yield text(f"now {hm(scene.now)}", x=x, y=10, class_="p-label p-quiet", anchor=_anchor(x, scale))


def _anchor(x: float, scale: TimeScale) -> str:
    if x > scale.right - 40:
        return "end"
    return "start" if x < scale.left + 30 else "middle"


def _words(scene: Scene) -> str:
    """The picture in a sentence or two."""
    onset = f"It began at {hm(scene.onset)}. " if scene.onset else ""
    told = sorted([(m.at, m.label) for m in scene.marks if m.lane is not Lane.FINDINGS] + _stretch_words(scene))
    return onset + "; ".join(f"{hm(at)} {label}" for at, label in told)


def _stretch_words(scene: Scene) -> list[tuple[datetime, str]]:
    return [(s.start, s.label) for s in scene.stretches if s.tone != "wait"]
