"""What kind of failure a log line speaks of, and whom it names. Pure, and only a reading of text: lines are data.

The words are those of the runtimes and clients that write them: Go's net and syscall packages, glibc's strerror, the
JVM, Node's error codes, Python's exceptions, libpq, and the usual pools.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class ErrorClass(StrEnum):
    """Kinds of failures, with what they mean."""

    POOL_EXHAUSTED = "pool_exhausted"
    """No free connection in a pool, or the server takes no more."""
    THREADS_EXHAUSTED = "threads_exhausted"
    """No free worker: requests queue or are rejected."""
    PORT_IN_USE = "port_in_use"
    """Another process listens where this one wants to."""
    TOO_MANY_FILES = "too_many_files"
    DISK_FULL = "disk_full"
    READONLY = "readonly"
    """A file system or database that takes no writes."""
    OOM = "oom"
    """Memory could not be had, as the process itself says."""
    DNS = "dns"
    TLS = "tls"
    AUTH = "auth"
    """Credentials were refused."""
    PERMISSION = "permission"
    """The operating system or an API said no."""
    RATE_LIMITED = "rate_limited"
    DEADLOCK = "deadlock"
    """A lock that is not got."""
    SCHEMA = "schema"
    """A table, column or message that is not as the code expects."""
    CONFIG_MISSING = "config_missing"
    """A setting, variable or file that is not there."""
    CONNECTION_REFUSED = "connection_refused"
    """Nobody listens, or the connection was cut."""
    TIMEOUT = "timeout"
    NULL_POINTER = "null_pointer"
    PANIC = "panic"
    OTHER = "other"
    """An error of none of these kinds."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a line says."""

    kind: ErrorClass
    peer: str | None
    """Host (and port) or name of whom it could not reach or was refused by."""


_SETTING = r"(?:environment variable|env(?:ironment)? var|config(?:uration)?|setting|property|key|flag)"
_BEFORE_STATUS = (
    r"(?:\bstatus|\bcode|\bhttp(?:/[\d.]+)?|\breturned|\brespon\w+|\bgot|\banswered|\berror|\bfailed(?: with)?"
    r"|\b(?:GET|HEAD|POST|PUT|PATCH|DELETE) \S+)"
)


def _status(code: int) -> str:
    """An HTTP status where a status stands: the same digits are also processes, ports, lines and milliseconds."""
    return rf"{_BEFORE_STATUS}\W{{1,4}}{code}\b(?!\])"


_WORDS: dict[ErrorClass, tuple[str, ...]] = {
    ErrorClass.THREADS_EXHAUSTED: (
        r"(?:thread|worker|process) ?pool (?:is )?(?:exhausted|full|saturated)",
        r"thread ?pool starvation",
        r"reached (?:the )?(?:pm\.max_children|MaxRequestWorkers|MaxClients)",
        r"all (?:worker|thread)s (?:are )?busy",
        r"listen queue of socket .{0,60}\bfull\b",
        r"RejectedExecution",
        r"no (?:free|available) (?:worker|thread)s?",
        r"unable to create (?:new )?(?:native )?thread",
    ),
    ErrorClass.PORT_IN_USE: (
        r"address already in use",
        r"EADDRINUSE",
        r"port \d+ (?:is|was) already (?:in use|allocated)",
        r"bind(?:\(\))? .{0,60}failed",
    ),
    ErrorClass.POOL_EXHAUSTED: (
        r"Connection is not available, request timed out",
        r"pool (?:is )?(?:exhausted|timed? ?out|full|limit)",
        r"connection pool",
        r"too many (?:clients|connections)",
        r"remaining connection slots",
        r"max(?:imum)? (?:number of )?(?:client )?connections",
        r"QueuePool limit",
        r"Unable to acquire (?:JDBC )?connection",
        r"no (?:free|available) connections?",
        r"maxclients",
    ),
    ErrorClass.TOO_MANY_FILES: (
        r"too many open files",
        r"EMFILE",
        r"ENFILE",
        r"file descriptors? (?:limit|exhausted)",
    ),
    ErrorClass.DISK_FULL: (
        r"no space left on device",
        r"ENOSPC",
        r"disk (?:is )?full",
        r"disk quota exceeded",
        r"could not extend file",
    ),
    ErrorClass.READONLY: (
        r"read-?only file ?system",
        r"EROFS",
        r"READONLY You can't write",
        r"--(?:super-)?read-only option",
        r"super[-_]read[-_]only",
        r"read-?only (?:transaction|replica|mode)",
        r"cannot execute \w+ in a read-only",
    ),
    ErrorClass.OOM: (
        r"out of memory",
        r"OutOfMemoryError",
        r"cannot allocate memory",
        r"ENOMEM",
        r"std::bad_alloc",
        r"MemoryError",
        r"heap limit",
        r"JavaScript heap",
        r"OOM command not allowed",
    ),
    ErrorClass.DNS: (
        r"no such host",
        r"lookup \S+ on \S+:53: ",  # Go: the server was asked, whatever became of it
        r"ENOTFOUND",
        r"EAI_AGAIN",
        r"(?:temporary failure in )?name resolution",
        r"Name or service not known",
        r"UnknownHostException",
        r"host not found in upstream",
        r"NXDOMAIN",
        r"SERVFAIL",
        r"could not (?:resolve|translate) host",
        r"getaddrinfo",
        r"server misbehaving",
    ),
    ErrorClass.TLS: (
        r"x509",
        r"certificate (?:has expired|verify failed|signed by unknown|is not valid|required)",
        r"tls: ",
        r"TLS handshake",
        r"SSLError",
        r"SSL_ERROR",
        r"SSLHandshakeException",
        r"handshake failure",
        r"unable to verify the first certificate",
        r"CERT_",
    ),
    ErrorClass.AUTH: (
        r"password authentication failed",
        r"authentication failed",
        r"invalid (?:credentials|token|api key|password)",
        _status(401),
        r"unauthorized",
        r"unauthenticated",
        r"access denied for user",
        r"WRONGPASS",
        r"NOAUTH",
        r"token (?:is |has )?expired",
        r"bad credentials",
        r"SASL",
        r"InvalidSignature",
        r"jwt expired",
    ),
    ErrorClass.PERMISSION: (
        r"permission denied",
        r"EACCES",
        r"EPERM",
        r"operation not permitted",
        _status(403),
        r"forbidden",
        r"AccessDenied",
    ),
    ErrorClass.RATE_LIMITED: (
        r"rate.?limit",
        r"too many requests",
        _status(429),
        r"throttl(?:ed|ing)",
        r"RESOURCE_EXHAUSTED",
        r"quota exceeded",
    ),
    ErrorClass.DEADLOCK: (
        r"deadlock",
        r"lock wait timeout",
        r"could not obtain lock",
        r"canceling statement due to lock",
        r"database is locked",
    ),
    ErrorClass.SCHEMA: (
        r"(?:relation|table|column|field) .{0,80}(?:does not exist|doesn't exist|unknown|not found)",
        r"unknown column",
        r"no such (?:table|column)",
        r"UndefinedColumn",
        r"undefined column",
        r"schema (?:mismatch|version)",
        r"migration",
        r"cannot deserialize",
        r"unknown field",
        r"proto: ",
    ),
    ErrorClass.CONFIG_MISSING: (
        rf"{_SETTING}\b.{{0,80}}(?:not set|is required|missing|not found|undefined|must be set|required)",
        r"missing required",
        r"required .{0,40}not (?:set|provided)",
        r"KeyError",
        r"no such file or directory",
        r"ENOENT",
        r"FileNotFound",
        r"ConfigError",
    ),
    ErrorClass.TIMEOUT: (
        r"time(?:d)?.?out",
        r"deadline exceeded",
        r"ETIMEDOUT",
        r"ESOCKETTIMEDOUT",
        r"DeadlineExceeded",
        r"\b504\b",
        r"gateway timeout",
    ),
    ErrorClass.CONNECTION_REFUSED: (
        r"Communications link failure",
        r"connection refused",
        r"ECONNREFUSED",
        r"connect(?:ion)? (?:reset|failed|closed|aborted)",
        r"ECONNRESET",
        r"broken pipe",
        r"EPIPE",
        r"no route to host",
        r"EHOSTUNREACH",
        r"network is unreachable",
        r"could not connect",
        r"upstream connect error",
        r"\b503\b",
        r"code = Unavailable",
        r"Connection(?:Refused|Reset|Error)",
        r"unexpected EOF",
        r"server closed the connection",
        r"database system is (?:starting up|shutting down|in recovery mode|not yet accepting)",
        r"LOADING Redis is loading",
        r"MASTERDOWN",
        r"CLUSTERDOWN",
        r"server is (?:starting up|shutting down|not ready)",
    ),
    ErrorClass.NULL_POINTER: (
        r"nil pointer",
        r"NullPointerException",
        r"null reference",
        r"Cannot read propert",
        r"undefined is not",
        r"is not a function",
        r"'NoneType' object",
        r"SIGSEGV",
        r"segmentation fault",
    ),
    ErrorClass.PANIC: (
        r"\bpanic\b",
        r"fatal error:",
        r"unhandled (?:exception|rejection)",
        r"uncaught",
        r"core dumped",
        r"assertion failed",
    ),
}
"""Regular expressions, the most telling classes first: a refused certificate is also a failed connection."""
_CLASSES = tuple((kind, re.compile("|".join(words), re.IGNORECASE)) for kind, words in _WORDS.items())

_HOST = r"(?P<peer>[A-Za-z0-9](?:[\w-]{0,62})(?:\.[\w-]{1,63}){0,8}(?::\d{1,5})?)"
_ADDRESS = r"(?P<peer>[A-Za-z0-9][\w-]{0,62}(?:\.[\w-]{1,63}){0,8}:\d{2,5})"
_REACHING = r"(?:(?:connect(?:ion|ing|ed)?|request|call) (?:to|with)|calling|reaching|cannot reach)"
_ROLE = r"(?:host |server at |upstream |service )?"
_PEERS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b[a-z][a-z0-9+.-]{{1,20}}://(?:[^\s/@]*@)?{_HOST}",
        rf"dial (?:tcp|udp)[46]? (?:lookup )?{_HOST}",
        rf"lookup {_HOST}",
        rf"(?:resolve|translate) host(?: name)? \"?{_HOST}",
        rf"(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT) {_HOST}",
        rf"{_REACHING} {_ROLE}\"?{_HOST}",
        rf"\b(?:call|dial|fetch|get|post|put|invoke|request|rpc|upstream):? \"?{_ADDRESS}",
        rf"(?:host|server|upstream|peer|addr(?:ess)?|target|service|dependency)[=:] ?\"?{_HOST}",
        rf"(?:from|to|at|by) {_HOST}(?::| (?:failed|timed out|refused))",
        rf"(?:call|request|connect(?:ion)?) failed: {_HOST}: ",
    )
)
_NO_PEERS = """
the a an tcp udp http https server host to upstream database db failed refused timeout error be is was get post
peer remote connection client
"""
_NO_PEER = frozenset(_NO_PEERS.split())
"""Words that stand where a name would."""
_ERRORS = re.compile(
    r"error|fail|fatal|panic|exception|refus|denied|unable|cannot|could not|timed? ?out", re.IGNORECASE
)


def read_error(text: str) -> Reading | None:
    """What a line says; None when it speaks of no failure."""
    for kind, pattern in _CLASSES:
        if pattern.search(text):
            return Reading(kind=kind, peer=_peer(text))
    return Reading(kind=ErrorClass.OTHER, peer=None) if _ERRORS.search(text) else None


def _peer(text: str) -> str | None:
    for pattern in _PEERS:
        for match in pattern.finditer(text):
            peer = match["peer"].rstrip(".")
            named = peer == peer.lower() or any(mark in peer for mark in ".:-")
            if named and peer not in _NO_PEER and not peer.isdigit():
                return peer
    return None
