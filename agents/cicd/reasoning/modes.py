"""The words by which ways to fail are told: what runtimes, client libraries, databases and kernels write. Data.

Regular expressions, searched without regard to case; each mode has its alternatives. How surely such words mean the
mode is its weight (0..1).
"""

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


STATUS = r"(?:status|code|http|returned|respond\w*|got|answered|error)\W{0,4}(?:code\W{0,2})?"
"""What stands before a status code and not before any other number."""

SAID: Mapping[Mode, tuple[str, ...]] = {
    Mode.CERTIFICATE: (
        "certificate (?:has )?expired",
        "certificate_expired",
        "cert_has_expired",
        "not yet valid",
        "CertificateExpired",
    ),
    Mode.RACE: (
        "concurrent (?:map|modification|write|read|access)",
        "ConcurrentModification",
        "data race",
        "dictionary changed size",
        "set changed size",
        "race condition",
        "use of closed",
        "slice bounds out of range",
        "double free",
        "duplicate (?:key|entry)",
    ),
    Mode.NULL: (
        "nil pointer",
        "NullPointer",
        "null reference",
        "cannot read propert",
        "undefined is not",
        "is not a function",
        "NoneType",
        "No value present",
        "NoSuchElement",
        "AttributeError",
        "SIGSEGV",
        "segmentation",
        r"unwrap\(\)",
        "KeyError",
        "index out of range",
        "IndexError",
        "optional value",
    ),
    Mode.SCHEMA: (
        r"(?:relation|table|column|field|index|mapping|view)\b.{0,80}(?:does not exist|doesn't exist|not found)",
        r"(?:relation|table|column|field|index|mapping|view)\b.{0,80}(?:unknown|missing)",
        "unknown (?:column|field|table)",
        "no such (?:table|column|index)",
        "undefined (?:column|table)",
        "no mapping found",
        "schema",
        "migration",
        "violates .{0,20}constraint",
        "not-?null constraint",
        "mapper_parsing",
        "incompatible",
    ),
    Mode.FORMAT: (
        "unmarshal",
        "deserializ",
        r"(?:cannot|could not|failed to|unable to) (?:decode|parse|read|convert)\b",
        "missing (?:required )?(?:field|property|attribute)",
        "decod(?:e|ing) (?:error|fail)",
        "parse[_ ]?(?:error|exception)",
        "failed to parse",
        "JSONDecodeError",
        "Unexpected token",
        "malformed",
        "invalid (?:character|syntax|json|value|format|utf|wire|type|enum)",
        "wire type",
        "type mismatch",
        "cannot convert",
        "ValueError",
        "TypeError",
        "ClassCast",
        "NumberFormat",
        "Unprocessable",
        "contract",
        "validation failed",
    ),
    Mode.ABSENT: (
        r"not found\b",
        r"NoSuch(?!Method|Element)\w+",
        "does not exist",
        "not registered",
        "unregistered",
        "no (?:handler|provider|implementation|bean|route|agent|plugin|factory|such (?:method|class|bean))",
        "unknown (?:type|handler|command|method|agent|plugin|event)",
        "NoSuchMethod",
        "ClassNotFound",
        "ModuleNotFound",
        "ImportError",
        "no module named",
        "unimplemented",
    ),
    Mode.ROUTE: (
        rf"{STATUS}404\b",
        "404 not found",
        "no route",
        "route not",
        "cannot (?:get|post|put) /",
        "method not allowed",
    ),
    Mode.CANCELLED: (
        "context cancel+ed",
        "client (?:closed|cancel|disconnect)",
        "cancel+ed by",
        "aborted by",
    ),
    Mode.TIMEOUT: (
        "time(?:d)?[ -_]?out",
        "deadline.?exceeded",
        "ETIMEDOUT",
        "gateway time",
        "budget exceeded",
    ),
    Mode.POOL: (
        "(?:connection )?pool.{0,30}(?:exhaust|time|full|limit|wait|empty|saturat)",
        "too many (?:connections|clients)",
        "connection slots",
        "acquire.{0,20}connection",
        "QueuePool",
        "no (?:free|available|idle) connection",
        "connection leak",
    ),
    Mode.THREADS: (
        "(?:thread|worker|executor|goroutine)s? ?(?:pool)?.{0,25}(?:exhaust|full|saturat|busy|starv|blocked|reject)",
        "RejectedExecution",
        "server overloaded",
        "shedding load",
        "event loop (?:lag|block)",
        "too many goroutines",
    ),
    Mode.FILES: (
        "too many open files",
        "EMFILE",
        "ENFILE",
        "file descriptor",
    ),
    Mode.MEMORY: (
        "out of memory",
        "OutOfMemory",
        "OOM",
        "heap (?:space|limit|out)",
        "cannot allocate",
        "MemoryError",
        "bad_alloc",
        "memory limit",
        "GC overhead",
        "gc pause",
    ),
    Mode.DISK: (
        "no space left",
        "ENOSPC",
        "disk (?:is )?(?:full|quota|usage|pressure)",
        "could not extend",
        r"volume .{0,30}(?:full|above|9\d ?%|100 ?%)",
    ),
    Mode.DNS: (
        "no such host",
        "ENOTFOUND",
        "EAI_AGAIN",
        "name resolution",
        "UnknownHost",
        "NXDOMAIN",
        "SERVFAIL",
        "getaddrinfo",
        "name resolver",
        "server misbehaving",
    ),
    Mode.TLS: (
        "x509",
        "tls:",
        "TLS handshake",
        "SSLError",
        "SSLHandshake",
        "handshake failure",
        "certificate (?:verify|signed|required|is not)",
        "unknown authority",
        "protocol version",
    ),
    Mode.AUTH: (
        rf"{STATUS}401\b",
        "unauthori[sz]ed",
        "unauthenticated",
        "authentication failed",
        "invalid (?:token|signature|credential|api key|audience|issuer)",
        "bad credentials",
        "access denied for user",
        "token (?:is )?(?:expired|invalid|used before)",
        "signature (?:is invalid|verification)",
        "jwt",
        "WRONGPASS",
        "NOAUTH",
    ),
    Mode.PERMISSION: (
        rf"{STATUS}403\b",
        "forbidden",
        "permission denied",
        "AccessDenied",
        "EACCES",
        "EPERM",
        "not (?:authorized|permitted|allowed)",
        "insufficient (?:scope|privilege)",
        "CORS",
    ),
    Mode.RATE_LIMITED: (
        rf"{STATUS}429\b",
        r"rate.?limit(?!\w*\.\w)",
        "too many requests",
        "throttl",
        "RESOURCE_EXHAUSTED",
        "quota exceeded",
    ),
    Mode.DEADLOCK: (
        "deadlock",
        "lock wait",
        "could not obtain lock",
        "lock timeout",
        "database is locked",
        "waiting for .{0,30}lock",
        "AccessExclusiveLock",
        "blocked by",
    ),
    Mode.CONFIG: (
        r"(?:environment|config\w*|setting|variable|property|key|flag)\b.{0,60}(?:not set|required|missing|undefined)",
        r"(?:environment|config\w*|setting|variable|property|key|flag)\b.{0,60}(?:not found|empty|invalid)",
        "missing required",
        "no such file",
        "ENOENT",
        "FileNotFound",
        "must be set",
        "unknown (?:option|setting|config)",
    ),
    Mode.REFUSED: (
        "connection refused",
        "ECONNREFUSED",
        "no route to host",
        "EHOSTUNREACH",
        "connection reset",
        "could not connect",
        "unreachable",
        "broken pipe",
    ),
    Mode.STARTUP: (
        "CrashLoop",
        "failed to start",
        "startup (?:panic|fail|error)",
        "could not start",
        "exited? with code",
        "init(?:iali[sz]ation)? failed",
        "boot(?:strap)? fail",
        "duplicate registration",
        "symbol (?:lookup|not found)",
        "incompatible .{0,30}(?:version|runtime)",
        "LinkageError",
        "UnsatisfiedLink",
    ),
    Mode.LAG: (
        "consumer lag",
        "lag (?:is|above|grow)",
        "backlog",
        "queue (?:depth|length|growing|full)",
        "rebalanc",
        "unacked",
        "redeliver",
        "visibility",
        "stuck partition",
        "behind",
    ),
    Mode.CACHE_MISSES: (
        "cache (?:miss|hit|stampede|bypass)",
        "hit (?:rate|ratio)",
        "evict",
    ),
    Mode.TIME: (
        "clock",
        "time ?zone",
        "in the future",
        "used before issued",
        "not yet",
        "skew",
        "out of range.{0,20}date",
        "invalid date",
        "leap",
    ),
    Mode.RETRIES: (
        "retry (?:storm|attempt|exhaust|budget)",
        "retrying",
        r"attempt \d+",
        "retries exhausted",
        "max retries",
    ),
    Mode.CPU: (
        "cpu (?:throttl|satur|usage|high|peg)",
        "catastrophic backtrack",
        "hot loop",
        "spinning",
    ),
    Mode.SLOW: (
        "slow (?:request|query)",
        "latency",
        r"took \d+ ?m?s",
        r"exceeded \d+ ?m?s",
        "degraded",
        r"p9\d",
    ),
    Mode.LOGS: (
        "log volume",
        "log (?:rate|flood)",
        "ingest(?:ion)? (?:volume|rate)",
    ),
    Mode.WRONG: (
        "mismatch",
        "inconsisten",
        "wrong (?:amount|total|value)",
        "incorrect",
        "negative (?:amount|balance)",
        "reconcil",
        "duplicate (?:charge|order|message)",
        "checksum",
    ),
}

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
