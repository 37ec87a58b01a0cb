"""A share over many runs as a line from 0 to 100 %: small, beside the figures that it belongs to."""

from collections.abc import Sequence

from service.story.words import day
from service.web.evalruns import Run
from service.web.pictures.svg import element, path, picture, text, title

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560.0, 120.0, 40.0, 548.0, 10.0, 96.0
LINES = (("right", "t-first"), ("AC@1", "t-second"))
"""What is drawn, each with its class."""


def trend(runs: Sequence[Run]) -> str:
    """Oldest at the left; empty for a single run."""
    if len(runs) < 2:  # noqa: PLR2004 - a line needs two points
        return ""
    step = (RIGHT - LEFT) / (len(runs) - 1)
    drawn = [_grid()]
    for metric, class_ in LINES:
        points = [
            (LEFT + n * step, _y(run.metrics[metric]), run) for n, run in enumerate(runs) if metric in run.metrics
        ]
        drawn.append(element("path", d=path((x, y) for x, y, _ in points), class_=f"t-line {class_}"))
        drawn += [
            element(
                "circle", title(f"{day(run.at)}: {metric} {run.metrics[metric]:.1%}"), cx=x, cy=y, r=3, class_=class_
            )
            for x, y, run in points
        ]
    drawn.append(text(day(runs[0].at), x=LEFT, y=BOTTOM + 16, class_="p-small p-quiet"))
    drawn.append(text(day(runs[-1].at), x=RIGHT, y=BOTTOM + 16, class_="p-small p-quiet", anchor="end"))
    said = ", ".join(f"{metric} {runs[-1].metrics[metric]:.1%}" for metric, _ in LINES if metric in runs[-1].metrics)
    return picture(drawn, width=WIDTH, height=HEIGHT, label=f"{len(runs)} runs, the last: {said}")


def _y(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * min(1.0, max(0.0, share))


def _grid() -> str:
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = _y(share)
        parts.append(element("line", x1=LEFT, x2=RIGHT, y1=y, y2=y, class_="p-grid" if share else "p-axis"))
        parts.append(text(f"{share:.0%}", x=LEFT - 6, y=y + 4, class_="p-small p-quiet", anchor="end"))
    return "".join(parts)
