"""Incidents day by day as bars: what Midwatch fixed, what ended otherwise, what is still open."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from incidents.course import Course
from incidents.incident import CLOSED, SETTLED
from service.story.words import day as said
from service.web.pictures.svg import element, picture, text, title

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 860.0, 132.0, 26.0, 8.0, 108.0
LEAST_TOP = 4
"""The axis reaches at least that many incidents, so that a single one does not look like a storm."""
KINDS = ("good", "plain", "ask")
WORDS = {"good": "closed", "plain": "left to people", "ask": "open"}


def bars(courses: Sequence[Course], *, since: datetime, until: datetime) -> str:
    """One bar a day; the picture says its numbers in words too."""
    days = _days(since, until)
    counts = {one: dict.fromkeys(KINDS, 0) for one in days}
    for course in courses:
        noticed = course.noticed.astimezone(UTC).date()
        if since <= course.noticed < until and noticed in counts:
            counts[noticed][_kind(course)] += 1
    most = max([LEAST_TOP, *(sum(each.values()) for each in counts.values())])
    step = (WIDTH - LEFT) / len(days)
    drawn = [_grid(most)]
    for place, one in enumerate(days):
        drawn.append(_bar(counts[one], one, x=LEFT + place * step, width=step, most=most))
    drawn += [_date(days[at], LEFT + (at + 0.5) * step) for at in range(0, len(days), max(1, len(days) // 7))]
    total = sum(sum(each.values()) for each in counts.values())
    label = f"{total} incidents in {len(days)} days, at most {max(sum(e.values()) for e in counts.values())} a day"
    return picture(drawn, width=WIDTH, height=HEIGHT, label=label)


def _days(since: datetime, until: datetime) -> list[date]:
    first, last = since.astimezone(UTC).date(), until.astimezone(UTC).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _kind(course: Course) -> str:
    if course.phase in CLOSED:
        return "good"
    return "plain" if course.phase in SETTLED else "ask"


def _grid(most: int) -> str:
    lines = []
    for value in (0, most):
        y = BOTTOM - (BOTTOM - TOP) * value / most
        lines.append(element("line", x1=LEFT, x2=WIDTH, y1=y, y2=y, class_="p-axis" if value == 0 else "p-grid"))
        lines.append(text(f"{value}", x=LEFT - 6, y=y + 4, class_="p-small p-quiet", anchor="end"))
    return "".join(lines)


def _bar(counts: dict[str, int], when: date, *, x: float, width: float, most: int) -> str:
    told = ", ".join(f"{number} {WORDS[kind]}" for kind, number in counts.items() if number) or "none"
    parts, y = [], BOTTOM
    thick = min(28.0, width * 0.7)
    for kind in KINDS:
        height = (BOTTOM - TOP) * counts[kind] / most
        y -= height
        if height:
            left = x + (width - thick) / 2
            parts.append(element("rect", x=left, y=y, width=thick, height=height, class_=f"b-{kind}"))
    at = datetime(when.year, when.month, when.day, tzinfo=UTC)
    return element("g", title(f"{said(at)}: {told}"), *parts) if parts else ""


def _date(when: date, x: float) -> str:
    return text(f"{when.day} {when:%b}", x=x, y=BOTTOM + 16, class_="p-small p-quiet", anchor="middle")
