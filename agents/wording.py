"""How figures are said: times of the day, durations, shares and counts, the same in every sentence of every agent."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

MINUTE, HOUR, DAY = 60, 3600, 86400
ENOUGH_NAMES = 3
"""Names that a sentence lists before it says how many more there are."""


def clock_time(at: datetime, *, now: datetime | None = None) -> str:
    """`02:35` in UTC; with the date when it is not within a day of `now`: `11-16 02:35`."""
    far = now is not None and abs(now - at) >= timedelta(days=1)
    return at.strftime("%m-%d %H:%M" if far else "%H:%M")


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h`, `2 d`: one unit, as people say it."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR:
        return f"{seconds / MINUTE:.0f} min"
    if seconds < 2 * DAY:
        return f"{seconds / HOUR:.0f} h"
    return f"{seconds / DAY:.0f} d"


def percent(ratio: float) -> str:
    """`7.1 %`; whole percents from ten on."""
    share = ratio * 100
    return f"{share:.0f} %" if share >= 10 or share == int(share) else f"{share:.1f} %"  # noqa: PLR2004 - two digits


def count(number: int, noun: str) -> str:
    """`1 pod`, `2 pods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def since(at: datetime | None, *, until: datetime | None = None, now: datetime | None = None) -> str:
    """` since 02:35`, or ` from 02:35 to 02:49` of what is over, with its leading space; empty when it is undated."""
    if at is None:
        return ""
    began = clock_time(at, now=now)
    return f" since {began}" if until is None else f" from {began} to {clock_time(until, now=now)}"


def listed(names: Iterable[str], *, enough: int = ENOUGH_NAMES) -> str:
    """`a, b, c and 4 more`."""
    known: Sequence[str] = tuple(dict.fromkeys(names))
    text = ", ".join(known[:enough])
    return f"{text} and {len(known) - enough} more" if len(known) > enough else text


SYSTEMS = {
    "github": "GitHub",
    "gitlab": "GitLab",
    "argocd": "Argo CD",
    "opencost": "OpenCost",
    "flags": "flags",
    "status_pages": "status pages",
}
"""Names that are not only capitalised."""
ASKED = {
    "kubernetes.config_refs": "the configuration that pods refer to",
    "kubernetes.control_plane": "the control plane",
    "kubernetes.logs": "logs of containers",
    "kubernetes.inventory": "what there is in the cluster",
    "prometheus.red": "requests, errors and latency in Prometheus",
    "prometheus.usage": "use of CPU and memory in Prometheus",
    "prometheus.wide": "all metrics of a workload in Prometheus",
    "prometheus.table": "all metrics of all workloads in Prometheus",
    "prometheus.service_graph": "who calls whom in Prometheus",
    "loki.templates": "kinds of log lines in Loki",
    "argocd.diff": "what differs from Git in Argo CD",
}
"""What a probe looks at, where its name does not say it well."""


def looked_at(what: str) -> str:
    """What a probe or detector of that name looks at, in words: `pods in Kubernetes` for `kubernetes.pods`."""
    system, dot, name = what.partition(".")
    if what in ASKED or not dot or " " in what:
        return ASKED.get(what, what)
    return f"{name.replace('_', ' ')} in {SYSTEMS.get(system, system.capitalize())}"


def unmarked(text: str) -> str:
    """Text of records on one line, with nothing in it that markdown or HTML would act upon."""
    joined = " ".join(text.split())
    for character in "\\`*_<>[]|":
        joined = joined.replace(character, f"\\{character}")
    return joined
