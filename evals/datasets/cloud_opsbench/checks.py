"""What was checked on the nodes and between them: systemd units, connections to services, who depends on whom."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.moments import read_age
from worlds.promql.storage import METRIC_NAME, Series

_ACTIVE = re.compile(r"Active:\s+(?P<state>\w+)(?: \([^)]*\))?(?: since (?P<since>.+?); (?P<ago>[\w ]+) ago)?")
_STATES = ("active", "activating", "deactivating", "failed", "inactive")
_MINUTES = re.compile(r"(\d+)\s*min")
_FROM_NODE = re.compile(r"deployed on (?P<node>\S+): (?P<said>.*?)(?=Debug Pod test results deployed on|\Z)", re.DOTALL)
_FAILED, _SUCCEEDED = "connection failed", "connection succeeded"
_UPSTREAM, _DOWNSTREAM = re.compile(r"\[Upstream[^\]]*\]:(.*)"), re.compile(r"\[Downstream[^\]]*\]:(.*)", re.DOTALL)
_SERVICE = re.compile(r"\[Service\]:\s*(\S+)")
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]*[a-z0-9])?")
_BRANCH = re.compile(r"(?P<drawn>[│├└─|`+\- \t]*)(?P<name>[a-z0-9][-.a-z0-9]*)(?=\s|$)")
_DRAWN_WIDTH = 4
"""Columns of one level of a drawn tree."""
_STEP = 30.0
_BEFORE = 300.0
"""Seconds of history that are shown of a unit that did not change: what systemd says holds since it says so."""


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A systemd unit of a node; `since` is when it came into its state."""

    node: str
    name: str
    state: str
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Check:
    """An attempt to connect to a service, from a node when several were tried."""

    namespace: str
    service: str
    port: str
    node: str
    worked: bool


def read_units(cache: Cache) -> Iterator[Unit]:
    """States of the nodes' units."""
    for answer in cache.by("CheckNodeServiceStatus"):
        match = _ACTIVE.search(answer.text)
        name, node = answer.arguments.get("service_name", ""), answer.arguments.get("node_name", "")
        if match is None or not name or not node:
            continue
        age = read_age(_MINUTES.sub(r"\1m", match["ago"] or "").replace(" ", ""))
        asked = cache.moments.of(answer.place)
        since = asked - age if age is not None else asked
        yield Unit(node=node, name=name, state=match["state"], since=since)


def series_of_units(cache: Cache) -> Iterator[Series]:
    """`node_systemd_unit_state` as node_exporter's systemd collector has it."""
    end = cache.moments.last.timestamp()
    for unit in read_units(cache):
        turned = unit.since.timestamp()
        times = sorted({*_grid(min(turned - _STEP, end - _BEFORE), end), turned})
        for state in _STATES:
            was, now = float(state == _before(unit.state)), float(state == unit.state)
            labels = {METRIC_NAME: "node_systemd_unit_state", "instance": f"{unit.node}:9100", "node": unit.node}
            labels |= {"job": "node-exporter", "name": f"{unit.name}.service", "state": state}
            yield Series(labels=labels, timestamps=times, values=[now if at >= turned else was for at in times])


def _before(state: str) -> str:
    """A unit that works now was started then; one that does not was working before."""
    return "inactive" if state in {"active", "activating"} else "active"


def read_checks(cache: Cache) -> Iterator[Check]:
    """Connectivity checks; what was cut off by the recorder and says neither is left out."""
    for answer in cache.by("CheckServiceConnectivity"):
        given = answer.arguments
        parts = [(m["node"], m["said"]) for m in _FROM_NODE.finditer(answer.text)] or [("", answer.text)]
        for node, said in parts:
            told = said.lower()
            if _FAILED in told or _SUCCEEDED in told:
                yield Check(
                    namespace=answer.namespace,
                    service=given.get("service_name", ""),
                    port=given.get("port", ""),
                    node=node,
                    worked=_FAILED not in told,
                )


def series_of_checks(cache: Cache) -> Iterator[Series]:
    """`probe_success` as a blackbox exporter on the nodes has it, at the moment of the check."""
    at = cache.moments.last.timestamp()
    seen: set[tuple[str, ...]] = set()
    for check in read_checks(cache):
        key = (check.namespace, check.service, check.port, check.node)
        if key in seen or not check.service:
            continue
        seen.add(key)
        target = f"{check.service}.{check.namespace}.svc:{check.port}"
        labels = {METRIC_NAME: "probe_success", "job": "blackbox", "instance": target, "module": "tcp_connect"}
        labels |= {"namespace": check.namespace, "service": check.service}
        if check.node:
            labels["node"] = check.node
        yield Series(labels=labels, timestamps=[at - _STEP, at], values=[float(check.worked)] * 2)


def read_dependencies(cache: Cache) -> Iterator[tuple[str, str]]:
    """Who calls whom, as (caller, callee)."""
    for answer in cache.by("GetServiceDependencies"):
        told = _SERVICE.search(answer.text)
        own = told[1] if told else answer.arguments.get("service_name", "")
        if up := _UPSTREAM.search(answer.text):
            yield from ((other.strip(), own) for other in up[1].split(",") if _NAME.fullmatch(other.strip()))
        if down := _DOWNSTREAM.search(answer.text):
            yield from _tree(down[1], own)


def _tree(text: str, root: str) -> Iterator[tuple[str, str]]:
    """A drawn tree of calls: every branch is called by what it hangs from."""
    path = [root]
    for line in text.splitlines():
        branch = _BRANCH.match(line)
        if branch is None:
            continue
        depth = len(branch["drawn"]) // _DRAWN_WIDTH
        if depth == 0 or depth > len(path):
            continue
        del path[depth:]
        yield path[-1], branch["name"]
        path.append(branch["name"])


def _grid(start: float, end: float) -> Iterator[float]:
    at = start
    while at <= end:
        yield at
        at += _STEP
