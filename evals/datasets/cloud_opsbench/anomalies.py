"""Metrics out of the anomalies that the set's own monitoring reported: the usual value before, the present one since.

Used where no table of metrics was recorded.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

import numpy as np

from evals.datasets.cloud_opsbench.figures import Figures, Floats
from worlds.objects.kinds import JsonObject

_PAIR = re.compile(
    r"(?:(?P<name>[\w.-]+?)\s*:\s*)?Normal\s*=\s*(?P<before>[\d.]+)\s*(?P<unit>[a-zA-Z/%]*)[^-]*->\s*Cur(?:rent)?\s*=\s*(?P<now>[\d.]+)"
)
_THROTTLED = re.compile(r"Val:\s*(?P<now>[\d.]+)s")
_HEAD = re.compile(r"(?P<kind>[A-Z_]+)\s*(?:\[(?P<detail>[^\]]*)\])?\s*\|\s*(?P<rest>.*)")
_RANGE = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
_TIME = "%Y-%m-%d %H:%M:%S"
_STEP = 5.0
_BEFORE = timedelta(minutes=5)
"""How long before the reported stretch the usual value is shown: nobody recorded for how long it had been so."""
_HUNDRED = 100.0
_DETAILS = {
    "rps": "rps",
    "success rate drop": "success_rate",
    "cpu core": "cpu",
    "cpu_cfs": "cpu_cfs",
    "tcp retransmission": "tcp_retans",
}
_DIRECTIONS = {"inbound": "network_receive", "outbound": "network_transmit"}
_LATENCY = re.compile(r"p\d{2}latency")


def figures_of(anomalies: Sequence[JsonObject], *, zone: tzinfo, end: datetime) -> Figures | None:
    """A table of everything that was reported, on one grid of times; None when nothing was."""
    spans = [span for one in anomalies if (span := _span(str(one.get("time_range", "")), zone))]
    if not spans:
        return None
    first = min(start for start, _ in spans)
    times = np.arange((first - _BEFORE).timestamp(), max(end, first).timestamp() + _STEP, _STEP)
    columns: dict[str, dict[str, Floats]] = {}
    for one in anomalies:
        span = _span(str(one.get("time_range", "")), zone)
        for text in one.get("evidence") or () if span else ():
            for figure, before, now in _read(str(text)):
                changed = times >= span[0].timestamp() if span else times < 0
                columns.setdefault(str(one.get("name", "")), {})[figure] = np.where(changed, now, before)
    return Figures(times, columns)


def _span(text: str, zone: tzinfo) -> tuple[datetime, datetime] | None:
    found = [datetime.strptime(moment, _TIME).replace(tzinfo=zone) for moment in _RANGE.findall(text)]
    return (found[0], found[-1]) if found else None


def _read(text: str) -> list[tuple[str, float, float]]:
    """Figures of one line of evidence with their values before and now."""
    head = _HEAD.match(text)
    if head is None:
        return []
    if throttled := _THROTTLED.search(head["rest"]):
        return [("cpu_cfs", 0.0, float(throttled["now"]))]
    found = []
    for pair in _PAIR.finditer(head["rest"]):
        figure = _figure(pair["name"] or "", (head["detail"] or "").lower())
        scale = 1 / _HUNDRED if figure == "success_rate" else 1.0
        if figure:
            found.append((figure, float(pair["before"]) * scale, float(pair["now"]) * scale))
    return found


def _figure(name: str, detail: str) -> str:
    if match := _LATENCY.search(name):
        return match[0]
    if name.lower() in _DIRECTIONS:
        return _DIRECTIONS[name.lower()]
    if detail == "network drop":
        return "network_receive"
    return _DETAILS.get(detail, "")
