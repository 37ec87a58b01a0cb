"""Ways to fail, how surely words mean one of them, and which measures show one. Data; the words are in `said`."""

from collections.abc import Mapping
from enum import StrEnum


class Mode(StrEnum):
    """Ways to fail."""

    NULL = "null"
    RACE = "race"
    ABSENT = "absent"
    """Something that was there is not found: an entry, a handler, a class."""
    SCHEMA = "schema"
    FORMAT = "format"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    SLOW = "slow"
    LOAD_BELOW = "load_below"
    """It asks more of what it calls than before."""
    POOL = "pool"
    THREADS = "threads"
    FILES = "files"
    MEMORY = "memory"
    CPU = "cpu"
    DISK = "disk"
    LOGS = "logs"
    DNS = "dns"
    CERTIFICATE = "certificate"
    """One that has ended."""
    TLS = "tls"
    AUTH = "auth"
    PERMISSION = "permission"
    RATE_LIMITED = "rate_limited"
    DEADLOCK = "deadlock"
    CONFIG = "config"
    REFUSED = "refused"
    STARTUP = "startup"
    SURGE = "surge"
    """More requests than before."""
    LAG = "lag"
    CACHE_MISSES = "cache_misses"
    TIME = "time"
    ROUTE = "route"
    RETRIES = "retries"
    WRONG = "wrong"
    """It answers, but not what it should."""
    ERRORS = "errors"
    """It fails, and nothing says how."""


UNSURE: Mapping[Mode, float] = {
    Mode.ROUTE: 0.9,
    Mode.CANCELLED: 0.9,
    Mode.REFUSED: 0.9,
    Mode.SLOW: 0.6,
    Mode.LOGS: 0.9,
    Mode.WRONG: 0.9,
}
"""Weights of modes whose words say less than 1."""

MEASURED: tuple[tuple[Mode, bool, tuple[str, ...]], ...] = (
    (
        Mode.LOAD_BELOW,
        True,
        (
            "(?:db|sql|query|queries|redis|downstream|upstream_requests|outbound).{0,20}(?:count|calls?|per_request|qps|rate|requests|ops)",
        ),
    ),
    (
        Mode.POOL,
        True,
        (
            "(?:pool|connections?).{0,20}(?:in_?use|active|used|wait|pending|open|util|satur)",
            "conn.{0,10}wait",
        ),
    ),
    (
        Mode.THREADS,
        True,
        ("(?:thread|worker|goroutine|executor).{0,20}(?:active|busy|count|queue|blocked|pending|util)?",),
    ),
    (
        Mode.MEMORY,
        True,
        (
            "mem(?:ory)?",
            "heap",
            "rss",
            "gc_",
        ),
    ),
    (Mode.CPU, True, ("cpu",)),
    (
        Mode.DISK,
        True,
        (
            "disk",
            "volume",
            "filesystem",
            "fs_used",
            "inode",
        ),
    ),
    (Mode.LOGS, True, ("log.{0,20}(?:lines|throughput|rate|bytes|lps|volume)",)),
    (
        Mode.LAG,
        True,
        (
            "lag",
            "backlog",
            "queue",
            "unacked",
            "pending_(?:messages|jobs)",
            "oldest",
            "redeliver",
            "dlq",
            "dead_letter",
        ),
    ),
    (
        Mode.CACHE_MISSES,
        True,
        (
            "cache.{0,20}miss",
            "evict",
        ),
    ),
    (
        Mode.CACHE_MISSES,
        False,
        (
            "cache.{0,20}hit",
            "hit_(?:rate|ratio)",
        ),
    ),
    (
        Mode.RETRIES,
        True,
        (
            "retr(?:y|ies)",
            "attempts",
        ),
    ),
    (Mode.CANCELLED, True, ("cancel",)),
    (
        Mode.TIMEOUT,
        True,
        (
            "timeout",
            "deadline",
        ),
    ),
    (
        Mode.RATE_LIMITED,
        True,
        (
            "429",
            "throttl",
            "rate_?limit",
        ),
    ),
    (
        Mode.AUTH,
        True,
        (
            "401",
            "auth.{0,10}(?:fail|error|reject)",
        ),
    ),
    (
        Mode.PERMISSION,
        True,
        (
            "403",
            "forbidden",
            "denied",
        ),
    ),
    (
        Mode.DEADLOCK,
        True,
        (
            "deadlock",
            "lock.{0,10}(?:wait|time|held)",
        ),
    ),
    (
        Mode.FILES,
        True,
        (
            r"(?:open_)?f(?:ile_?)?d(?:escriptor)?s?\b",
            "open_files",
            "sockets",
        ),
    ),
    (
        Mode.STARTUP,
        True,
        (
            "restart",
            "crash",
        ),
    ),
    (
        Mode.STARTUP,
        False,
        (
            "ready_replicas",
            "available_replicas",
            "pods_ready",
        ),
    ),
    (
        Mode.NULL,
        True,
        (
            "panic",
            "exception",
        ),
    ),
    (Mode.FORMAT, True, ("(?:parse|decode|deseriali[sz]|validation|schema).{0,10}(?:error|fail)",)),
    (
        Mode.SLOW,
        True,
        (
            "duration",
            "latency",
            "response_time",
            "p9[059]",
            "seconds",
        ),
    ),
    (
        Mode.WRONG,
        False,
        (
            "result_count",
            "conversion",
            "success_count",
            "orders_",
            "revenue",
            "matched",
        ),
    ),
    (
        Mode.WRONG,
        True,
        (
            "mismatch",
            "duplicate",
            "discrepan",
            "negative",
        ),
    ),
)
"""Mode, whether the quantity went up, and how such quantities are named."""
