"""Before and after, one small chart per check: the values around the action, the threshold, the figures in words."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from incidents.ids import EntityId
from incidents.value import Value
from incidents.verification import Check, CheckRole, Comparison
from service.story.record import ProposalRecord
from service.story.words import figure, hm, name
from service.web.pictures.scale import TimeScale, ValueScale, nice
from service.web.pictures.svg import element, path, picture, text, title
from tools.prometheus.probes.red import RedView

WIDTH, HEIGHT = 264.0, 92.0
LEFT, RIGHT, TOP, BOTTOM = 4.0, 256.0, 10.0, 74.0
BEFORE = timedelta(minutes=6)
"""How much of the time before the action is drawn."""
Points = tuple[tuple[datetime, float], ...]


class Chart(Value):
    """One check as the page shows it."""

    title: str
    role: str
    before: str
    after: str
    word: str
    """`held`, `not reached`, `worse`, `measuring`, `could not be read`."""
    tone: str
    """good, bad or plain."""
    rule: str
    """What the check asks for."""
    guard: bool
    """It decides whether the change hurt, not whether it helped."""
    svg: str


def charts_of(proposal: ProposalRecord, views: Sequence[RedView]) -> tuple[Chart, ...]:
    """One chart per check, in the proposal's order; empty before anything was measured."""
    acted = [s.execution.dispatched_at for s in proposal.steps if s.execution.dispatched_at and not s.execution.undo]
    if not acted or not proposal.measurements:
        return ()
    return tuple(_chart(proposal, index, views, at=min(acted)) for index in range(len(proposal.body.checks)))


def _chart(proposal: ProposalRecord, index: int, views: Sequence[RedView], *, at: datetime) -> Chart:
    check = proposal.body.checks[index]
    measured: Points = tuple((m.at, m.value) for m in proposal.measurements if m.check == index and m.value is not None)
    after = measured[-1][1] if measured else None
    word, tone = _verdict(proposal, index, after)
    before = _before(check, views, at=at)
    return Chart(
        title=f"{check.measure.replace('_', ' ')} of {name(check.entity)}",
        role="must not worsen" if check.role is CheckRole.GUARD else "counts as fixed",
        before=figure(check.baseline, check.unit),
        after=figure(after, check.unit),
        word=word,
        tone=tone,
        rule=check.text,
        guard=check.role is CheckRole.GUARD,
        svg=_draw(check, before, measured, at=at),
    )


def _verdict(proposal: ProposalRecord, index: int, after: float | None) -> tuple[str, str]:
    verdict, check = proposal.verification, proposal.body.checks[index]
    if verdict is None:
        return ("measuring", "plain") if after is not None else ("not read yet", "plain")
    held = verdict.results[index].held if index < len(verdict.results) else None
    if held is None:
        return "could not be read", "bad"
    if held:
        return ("held", "good") if check.role is CheckRole.SUCCESS else ("not worse", "good")
    return ("not reached", "bad") if check.role is CheckRole.SUCCESS else ("worse", "bad")


def _before(check: Check, views: Sequence[RedView], *, at: datetime) -> Points:
    """What was seen before the action: the curve where there is one, else the value of the proposal."""
    for view in views:
        curve = _curve(check.measure, check.entity, view)
        near = tuple((moment, value) for moment, value in curve if at - BEFORE <= moment <= at)
        if near:
            return near
    return ((at - BEFORE, check.baseline), (at, check.baseline)) if check.baseline is not None else ()


def _curve(measure: str, entity: EntityId, view: RedView) -> Points:
    if view.entity != entity:
        return ()
    curve = {"error_rate": view.error_ratio, "latency_p99": view.p99, "traffic": view.traffic}.get(measure)
    return tuple(curve.points()) if curve else ()


def _draw(check: Check, before: Points, after: Points, *, at: datetime) -> str:
    values = [value for _, value in (*before, *after)] + [check.threshold]
    last = max([moment for moment, _ in after] + [at + BEFORE])
    times = TimeScale(start=at - BEFORE, end=last, left=LEFT, right=RIGHT)
    scale = ValueScale(high=nice(max(values) * 1.05 or 1.0), top=TOP, bottom=BOTTOM)
    limit, acted = scale.y(check.threshold), times.x(at)
    sign = "at most" if check.comparison is Comparison.AT_MOST else "at least"
    drawn = [
        element("line", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM, class_="p-axis"),
        element(
            "line",
            title(f"{sign} {figure(check.threshold, check.unit)}"),
            x1=LEFT, x2=RIGHT, y1=limit, y2=limit, class_="c-limit",
        ),
        element("line", title(f"action at {hm(at)}"), x1=acted, x2=acted, y1=2, y2=BOTTOM, class_="c-action"),
        text("action", x=acted + 4, y=9, class_="p-small p-quiet"),
        element("path", d=path((times.x(m), scale.y(v)) for m, v in before), class_="c-before"),
        element("path", d=path((times.x(m), scale.y(v)) for m, v in (*before[-1:], *after[:1])), class_="c-gap"),
        element("path", d=path((times.x(m), scale.y(v)) for m, v in after), class_="c-line"),
        *[element("circle", cx=times.x(m), cy=scale.y(v), r=2.5, class_="c-end") for m, v in after[-1:]],
        text(hm(at - BEFORE), x=LEFT, y=HEIGHT - 5, class_="p-small p-quiet"),
        text(hm(last), x=RIGHT, y=HEIGHT - 5, class_="p-small p-quiet", anchor="end"),
    ]  # fmt: skip
    label = f"{check.measure} of {name(check.entity)}: before {figure(check.baseline, check.unit)}"
    return picture(drawn, width=WIDTH, height=HEIGHT, label=label)
