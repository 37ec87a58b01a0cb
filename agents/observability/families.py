"""What a metric is about, by its name, as conventions have it (Prometheus, OpenTelemetry, cAdvisor). Pure."""

import re
from enum import StrEnum

from tools.prometheus.probes.table import FAILED


class Family(StrEnum):
    """What a metric measures."""

    CPU = "cpu"
    MEMORY = "memory"
    DISK = "disk"
    NETWORK = "network"
    QUEUE = "queue"
    """What waits: depth, lag, backlog."""
    POOL = "pool"
    """What is lent out: connections, threads, file descriptors."""
    ERRORS = "errors"
    LATENCY = "latency"
    TRAFFIC = "traffic"
    OTHER = "other"


RESOURCES = frozenset({Family.CPU, Family.MEMORY, Family.DISK, Family.QUEUE, Family.POOL, Family.OTHER})
"""What is used up at a place, rather than passed on to whoever calls."""

DEMAND = frozenset({Family.TRAFFIC, Family.NETWORK})
"""What follows the demand of others."""

_BY_NAME = (
    (Family.ERRORS, rf"{FAILED}|.*(error|failure|failed|fault|exception|dropped).*"),
    (Family.QUEUE, r".*(queue|backlog|_lag|depth|pending|waiting).*"),
    (Family.POOL, r".*(connection|pool|thread|_fds|goroutine|session|socket).*"),
    (Family.NETWORK, r".*(network|_receive_|_transmit_).*"),
    (Family.DISK, r".*(_fs_|disk|filesystem|volume|_io_|_reads_|_writes_|blkio).*"),
    (Family.LATENCY, r".*(latency|duration|response_time|elapsed).*(?<!_count)(?<!_total)"),
    (Family.CPU, r".*(cpu|throttl).*"),
    (Family.MEMORY, r".*(memory|_mem_|heap|rss|_gc_|swap).*"),
    (Family.TRAFFIC, r".*(request|_calls|_handled|rps|throughput|messages|duration.*_count).*"),
)
_COMPILED = tuple((family, re.compile(pattern)) for family, pattern in _BY_NAME)


def family_of(metric: str) -> Family:
    """The first family whose names it looks like."""
    name = metric.casefold()
    return next((family for family, pattern in _COMPILED if pattern.fullmatch(name)), Family.OTHER)
