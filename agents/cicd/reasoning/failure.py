"""How a workload fails, in modes: read off the facts that the other specialists stated. Pure.

A mode is what a runtime, a client library or a kernel says about itself in words of its own, or what a measured
quantity did. Several hold at once: a pool that is used up also makes requests slow.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum

from agents.cicd.reasoning.lines import names_in, words_of
from incidents.alert import Alert
from incidents.fact import Fact
from incidents.ids import EntityId
from incidents.value import Value


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


_STATUS = r"(?:status|code|http|returned|respond\w*|got|answered|error)\W{0,4}(?:code\W{0,2})?"
"""What stands before a status code and not before any other number."""
_TEXTS: tuple[tuple[Mode, float, str], ...] = (
    (Mode.CERTIFICATE, 1.0, r"certificate (?:has )?expired|certificate_expired|cert_has_expired|not yet valid|CertificateExpired"),
    (Mode.RACE, 1.0, r"concurrent (?:map|modification|write|read|access)|ConcurrentModification|data race|dictionary changed size"
                     r"|set changed size|race condition|use of closed|slice bounds out of range|double free|duplicate (?:key|entry)"),
    (Mode.NULL, 1.0, r"nil pointer|NullPointer|null reference|cannot read propert|undefined is not|is not a function|NoneType|No value present|NoSuchElement"
                     r"|AttributeError|SIGSEGV|segmentation|unwrap\(\)|KeyError|index out of range|IndexError|optional value"),
    (Mode.SCHEMA, 1.0, r"(?:relation|table|column|field|index|mapping|view)\b.{0,80}(?:does not exist|doesn't exist|unknown|not found|missing)"
                       r"|unknown (?:column|field|table)|no such (?:table|column|index)|undefined (?:column|table)|no mapping found"
                       r"|schema|migration|violates .{0,20}constraint|not-?null constraint|mapper_parsing|incompatible"),
    (Mode.FORMAT, 1.0, r"unmarshal|deserializ|(?:cannot|could not|failed to|unable to) (?:decode|parse|read|convert)\b|missing (?:required )?(?:field|property|attribute)|decod(?:e|ing) (?:error|fail)|parse[_ ]?(?:error|exception)|failed to parse"
                       r"|JSONDecodeError|Unexpected token|malformed|invalid (?:character|syntax|json|value|format|utf|wire|type|enum)"
                       r"|wire type|type mismatch|cannot convert|ValueError|TypeError|ClassCast|NumberFormat|Unprocessable|contract|validation failed"),
    (Mode.ABSENT, 1.0, r"not found\b|NoSuch(?!Method|Element)\w+|does not exist|not registered|unregistered|no (?:handler|provider|implementation|bean|route|agent|plugin|factory|such (?:method|class|bean))"
                       r"|unknown (?:type|handler|command|method|agent|plugin|event)|NoSuchMethod|ClassNotFound|ModuleNotFound|ImportError|no module named|unimplemented"),
    (Mode.ROUTE, 0.9, rf"{_STATUS}404\b|404 not found|no route|route not|cannot (?:get|post|put) /|method not allowed"),
    (Mode.CANCELLED, 0.9, r"context cancel+ed|client (?:closed|cancel|disconnect)|cancel+ed by|aborted by"),
    (Mode.TIMEOUT, 1.0, r"time(?:d)?[ -_]?out|deadline.?exceeded|ETIMEDOUT|gateway time|budget exceeded"),
    (Mode.POOL, 1.0, r"(?:connection )?pool.{0,30}(?:exhaust|time|full|limit|wait|empty|saturat)|too many (?:connections|clients)|connection slots"
                     r"|acquire.{0,20}connection|QueuePool|no (?:free|available|idle) connection|connection leak"),
    (Mode.THREADS, 1.0, r"(?:thread|worker|executor|goroutine)s? ?(?:pool)?.{0,25}(?:exhaust|full|saturat|busy|starv|blocked|reject)|RejectedExecution"
                        r"|server overloaded|shedding load|event loop (?:lag|block)|too many goroutines"),
    (Mode.FILES, 1.0, r"too many open files|EMFILE|ENFILE|file descriptor"),
    (Mode.MEMORY, 1.0, r"out of memory|OutOfMemory|OOM|heap (?:space|limit|out)|cannot allocate|MemoryError|bad_alloc|memory limit|GC overhead|gc pause"),
    (Mode.DISK, 1.0, r"no space left|ENOSPC|disk (?:is )?(?:full|quota|usage|pressure)|could not extend|volume .{0,30}(?:full|above|9\d ?%|100 ?%)"),
    (Mode.DNS, 1.0, r"no such host|ENOTFOUND|EAI_AGAIN|name resolution|UnknownHost|NXDOMAIN|SERVFAIL|getaddrinfo|name resolver|server misbehaving"),
    (Mode.TLS, 1.0, r"x509|tls:|TLS handshake|SSLError|SSLHandshake|handshake failure|certificate (?:verify|signed|required|is not)|unknown authority|protocol version"),
    (Mode.AUTH, 1.0, rf"{_STATUS}401\b|unauthori[sz]ed|unauthenticated|authentication failed|invalid (?:token|signature|credential|api key|audience|issuer)|bad credentials"
                     r"|access denied for user|token (?:is )?(?:expired|invalid|used before)|signature (?:is invalid|verification)|jwt|WRONGPASS|NOAUTH"),
    (Mode.PERMISSION, 1.0, rf"{_STATUS}403\b|forbidden|permission denied|AccessDenied|EACCES|EPERM|not (?:authorized|permitted|allowed)|insufficient (?:scope|privilege)|CORS"),
    (Mode.RATE_LIMITED, 1.0, rf"{_STATUS}429\b|rate.?limit(?!\w*\.\w)|too many requests|throttl|RESOURCE_EXHAUSTED|quota exceeded"),
    (Mode.DEADLOCK, 1.0, r"deadlock|lock wait|could not obtain lock|lock timeout|database is locked|waiting for .{0,30}lock|AccessExclusiveLock|blocked by"),
    (Mode.CONFIG, 1.0, r"(?:environment|config\w*|setting|variable|property|key|flag)\b.{0,60}(?:not set|required|missing|undefined|not found|empty|invalid)"
                       r"|missing required|no such file|ENOENT|FileNotFound|must be set|unknown (?:option|setting|config)"),
    (Mode.REFUSED, 0.9, r"connection refused|ECONNREFUSED|no route to host|EHOSTUNREACH|connection reset|could not connect|unreachable|broken pipe"),
    (Mode.STARTUP, 1.0, r"CrashLoop|failed to start|startup (?:panic|fail|error)|could not start|exited? with code|init(?:iali[sz]ation)? failed|boot(?:strap)? fail"
                        r"|duplicate registration|symbol (?:lookup|not found)|incompatible .{0,30}(?:version|runtime)|LinkageError|UnsatisfiedLink"),
    (Mode.LAG, 1.0, r"consumer lag|lag (?:is|above|grow)|backlog|queue (?:depth|length|growing|full)|rebalanc|unacked|redeliver|visibility|stuck partition|behind"),
    (Mode.CACHE_MISSES, 1.0, r"cache (?:miss|hit|stampede|bypass)|hit (?:rate|ratio)|evict"),
    (Mode.TIME, 1.0, r"clock|time ?zone|in the future|used before issued|not yet|skew|out of range.{0,20}date|invalid date|leap"),
    (Mode.RETRIES, 1.0, r"retry (?:storm|attempt|exhaust|budget)|retrying|attempt \d+|retries exhausted|max retries"),
    (Mode.CPU, 1.0, r"cpu (?:throttl|satur|usage|high|peg)|catastrophic backtrack|hot loop|spinning"),
    (Mode.SLOW, 0.6, r"slow (?:request|query)|latency|took \d+ ?m?s|exceeded \d+ ?m?s|degraded|p9\d"),
    (Mode.LOGS, 0.9, r"log volume|log (?:rate|flood)|ingest(?:ion)? (?:volume|rate)"),
    (Mode.WRONG, 0.9, r"mismatch|inconsisten|wrong (?:amount|total|value)|incorrect|negative (?:amount|balance)|reconcil|duplicate (?:charge|order|message)|checksum"),
)  # fmt: skip
_SAID = tuple((mode, weight, re.compile(pattern, re.IGNORECASE)) for mode, weight, pattern in _TEXTS)

_METRICS: tuple[tuple[Mode, bool, str], ...] = (
    (Mode.LOAD_BELOW, True, r"(?:db|sql|query|queries|redis|downstream|upstream_requests|outbound).{0,20}(?:count|calls?|per_request|qps|rate|requests|ops)"),
    (Mode.POOL, True, r"(?:pool|connections?).{0,20}(?:in_?use|active|used|wait|pending|open|util|satur)|conn.{0,10}wait"),
    (Mode.THREADS, True, r"(?:thread|worker|goroutine|executor).{0,20}(?:active|busy|count|queue|blocked|pending|util)?"),
    (Mode.MEMORY, True, r"mem(?:ory)?|heap|rss|gc_"),
    (Mode.CPU, True, r"cpu"),
    (Mode.DISK, True, r"disk|volume|filesystem|fs_used|inode"),
    (Mode.LOGS, True, r"log.{0,20}(?:lines|throughput|rate|bytes|lps|volume)"),
    (Mode.LAG, True, r"lag|backlog|queue|unacked|pending_(?:messages|jobs)|oldest|redeliver|dlq|dead_letter"),
    (Mode.CACHE_MISSES, True, r"cache.{0,20}miss|evict"),
    (Mode.CACHE_MISSES, False, r"cache.{0,20}hit|hit_(?:rate|ratio)"),
    (Mode.RETRIES, True, r"retr(?:y|ies)|attempts"),
    (Mode.CANCELLED, True, r"cancel"),
    (Mode.TIMEOUT, True, r"timeout|deadline"),
    (Mode.RATE_LIMITED, True, r"429|throttl|rate_?limit"),
    (Mode.AUTH, True, r"401|auth.{0,10}(?:fail|error|reject)"),
    (Mode.PERMISSION, True, r"403|forbidden|denied"),
    (Mode.DEADLOCK, True, r"deadlock|lock.{0,10}(?:wait|time|held)"),
    (Mode.FILES, True, r"(?:open_)?f(?:ile_?)?d(?:escriptor)?s?\b|open_files|sockets"),
    (Mode.STARTUP, True, r"restart|crash"),
    (Mode.STARTUP, False, r"ready_replicas|available_replicas|pods_ready"),
    (Mode.NULL, True, r"panic|exception"),
    (Mode.FORMAT, True, r"(?:parse|decode|deseriali[sz]|validation|schema).{0,10}(?:error|fail)"),
    (Mode.SLOW, True, r"duration|latency|response_time|p9[059]|seconds"),
    (Mode.WRONG, False, r"result_count|conversion|success_count|orders_|revenue|matched"),
    (Mode.WRONG, True, r"mismatch|duplicate|discrepan|negative"),
)  # fmt: skip
"""Mode, whether the quantity went up, and how such quantities are named."""
_MEASURED = tuple((mode, up, re.compile(pattern, re.IGNORECASE)) for mode, up, pattern in _METRICS)

_KINDS: Mapping[str, tuple[Mode, float]] = {
    "errors.elevated": (Mode.ERRORS, 0.6),
    "latency.elevated": (Mode.SLOW, 0.9),
    "traffic.surge": (Mode.SURGE, 1.0),
    "memory.growing": (Mode.MEMORY, 1.0),
    "memory.at_limit": (Mode.MEMORY, 1.0),
    "container.oom_killed": (Mode.MEMORY, 1.0),
    "container.crash_loop": (Mode.STARTUP, 0.7),
    "container.exited_error": (Mode.STARTUP, 0.6),
    "saturation.cpu_high": (Mode.CPU, 1.0),
    "saturation.cpu_throttled": (Mode.CPU, 1.0),
    "connections.exhausted": (Mode.POOL, 1.0),
    "threads.exhausted": (Mode.THREADS, 1.0),
    "fd.exhausted": (Mode.FILES, 1.0),
    "queue.growing": (Mode.LAG, 1.0),
    "disk.nearly_full": (Mode.DISK, 1.0),
    "certificate.expired": (Mode.CERTIFICATE, 1.0),
    "dns.failing": (Mode.DNS, 1.0),
    "log.surge": (Mode.LOGS, 0.5),
}
_BY_LOAD = frozenset(
    {Mode.SLOW, Mode.THREADS, Mode.CPU, Mode.POOL, Mode.TIMEOUT, Mode.LAG, Mode.LOAD_BELOW, Mode.LOGS, Mode.MEMORY}
)
"""What more requests bring about by themselves."""
EXPLAINED_BY_LOAD = 0.35
"""Share of these modes that is left to be explained when the requests themselves grew."""

_FILE = re.compile(
    r"(?P<file>[\w][\w./$-]*\.(?:go|py|java|kt|scala|ts|tsx|js|jsx|mjs|rb|rs|cs|php|cc|cpp|ex|swift))(?::\d+|\W{1,4}line \d+|\b(?!\.))"
)
_FUNCTION = re.compile(
    r"(?:\.|\bin |\bat |\s|\))(?P<name>[A-Za-z_]\w{2,})\s*\(|\b[A-Z]\w+[.:]+(?P<method>[A-Za-z_]\w{2,})\b"
)
_QUOTED = re.compile(r"[\"'`\[]([A-Za-z_][\w.\-/]{2,80})[\"'`\]]")
_TOLD = frozenset({"log.error_class", "log.new_pattern", "log.surge", "trace.error_origin", "trace.slow_origin"})
_MEASURES = frozenset({"metric.shifted"})


class Failure(Value):
    """How one workload fails."""

    entity: EntityId
    modes: dict[Mode, float] = {}
    """0..1 each."""
    text: str = ""
    """What was said about it since it began, joined."""
    files: tuple[str, ...] = ()
    """File names of stack traces, without their folders."""
    innermost: str = ""
    """The file in which it failed: the innermost frame that is not a library's."""
    paths: str = ""
    """The same with their folders, joined, in lowercase."""
    functions: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Identifiers that the messages hold, those in quotes first."""
    words: frozenset[str] = frozenset()
    """The same in single lowercase words."""
    numbers: frozenset[float] = frozenset()
    """Numbers that the messages hold, as they stand there."""
    since: datetime | None = None
    """When the first of it was seen."""

    @property
    def told(self) -> bool:
        """Whether anything says how it fails."""
        return bool(self.text) or any(mode is not Mode.ERRORS for mode in self.modes)


def failures(facts: Iterable[Fact], alerts: Iterable[Alert], *, alarmed: Iterable[EntityId]) -> dict[EntityId, Failure]:
    """One failure per workload that is in trouble. What the alerts say counts for those that they point at."""
    by_entity: dict[EntityId, list[Fact]] = {}
    for fact in facts:
        if fact.until is None and (fact.kind in _KINDS or fact.kind in _TOLD | _MEASURES):
            by_entity.setdefault(fact.entity, []).append(fact)
    said = " | ".join(text for alert in alerts for text in alert.annotations.values())
    for entity in alarmed:
        by_entity.setdefault(entity, [])
    return {entity: _failure(entity, own, said if entity in set(alarmed) else "") for entity, own in by_entity.items()}


def _failure(entity: EntityId, facts: list[Fact], alerted: str) -> Failure:
    texts = [*_texts(facts), *([alerted] if alerted else [])]
    text = " | ".join(texts)
    modes: dict[Mode, float] = {Mode.ERRORS: 0.5} if any(fact.kind in _TOLD for fact in facts) else {}
    for mode, weight in (*_read(text), *_measured(facts), *_stated(facts)):
        modes[mode] = max(modes.get(mode, 0.0), weight)
    if Mode.CERTIFICATE in modes:
        modes.pop(Mode.TLS, None)
        modes.pop(Mode.TIME, None)
    if Mode.SURGE in modes:
        modes = {mode: weight * (EXPLAINED_BY_LOAD if mode in _BY_LOAD else 1.0) for mode, weight in modes.items()}
    names = tuple(dict.fromkeys((*_QUOTED.findall(text), *(n for n in names_in(text) if _is_code(n)))))
    return Failure(
        entity=entity,
        modes=modes,
        text=text,
        innermost=_innermost(text),
        paths=" ".join(match["file"].lower() for match in _FILE.finditer(text)),
        files=tuple(dict.fromkeys(match["file"].rpartition("/")[2] for match in _FILE.finditer(text))),
        functions=tuple(dict.fromkeys(m["name"] or m["method"] for m in _FUNCTION.finditer(text))),
        names=names,
        words=frozenset(word for name in names_in(text) for word in words_of(name)),
        since=min((fact.at for fact in facts if fact.at and fact.kind not in _MEASURES), default=None),
        numbers=frozenset(float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", text)),
    )


_LIBRARY = re.compile(
    r"node_modules|site-packages|dist-packages|/usr/|/lib/python|\b(?:java|javax|jdk|sun|kotlin|scala|org\.springframework)\.[\w.$]*\($"
    r"|runtime[/.]|internal/|\bnode:",
    re.IGNORECASE,
)
FRAME_HEAD = 70
"""Characters before a file's name that say whose frame it is."""


def _innermost(text: str) -> str:
    """Python writes the innermost frame last, everybody else first."""
    own = [
        match["file"].rpartition("/")[2]
        for match in _FILE.finditer(text)
        if not _LIBRARY.search(text[max(0, match.start() - FRAME_HEAD) : match.start()])
        and not _LIBRARY.search(match["file"])
    ]
    if not own:
        return ""
    return own[-1] if re.search(r"Traceback|File \"", text) else own[0]


def _texts(facts: Iterable[Fact]) -> Iterator[str]:
    for fact in facts:
        if fact.kind in _TOLD:
            parts = (fact.attributes.get(key) for key in ("template", "details", "message", "operation"))
            yield " ".join(
                [fact.text if fact.kind == "log.error_class" else "", *(str(part) for part in parts if part)]
            )


def _read(text: str) -> Iterator[tuple[Mode, float]]:
    for mode, weight, pattern in _SAID:
        if pattern.search(text):
            yield mode, weight


def _measured(facts: Iterable[Fact]) -> Iterator[tuple[Mode, float]]:
    for fact in facts:
        if fact.kind not in _MEASURES:
            continue
        before, after = (float(fact.attributes.get(side) or 0.0) for side in ("before", "after"))
        for mode, up, pattern in _MEASURED:
            if pattern.search(str(fact.attributes.get("metric", ""))) and (after > before) is up:
                yield mode, 0.9


def _stated(facts: Iterable[Fact]) -> Iterator[tuple[Mode, float]]:
    for fact in facts:
        if fact.kind in _KINDS:
            yield _KINDS[fact.kind]


def _is_code(name: str) -> bool:
    """Whether a word looks like an identifier and not like a word of a sentence."""
    return "_" in name.strip("_") or re.search(r"[a-z][A-Z]", name) is not None
