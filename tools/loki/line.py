"""One log line: what it says, how bad it says it is, and where it came from. Redacted the moment it is read."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar

import orjson
from pydantic import ConfigDict

from incidents.redaction import redact

MOST_DETAILS = 600
"""Characters of all other fields together: the first frames of a stack, a statement, some figures."""
LONGEST = 2000
"""Characters of one line that are kept; stack traces beyond it repeat themselves."""
_LEVEL_KEYS = ("level", "severity", "severity_text", "lvl", "log.level", "levelname", "detected_level")
_TEXT_KEYS = ("msg", "message", "error", "err", "event", "log")
_PLAIN_VALUES = (str, int, float)
_ADDRESS = re.compile(
    r"^@?(?:time|ts|timestamp|level|severity.*|lvl|log\.level|levelname|detected_level|service.*|app|pod|container|host(?:name)?"
    r"|namespace|pid|version|env|environment|logger|thread|caller)$|(?:trace|span|request|correlation|user|session)[_.]?id$",
    re.IGNORECASE,
)
"""Names of fields that say where and when a line was written, or that differ on each."""
_WORDS = frozenset(
    {
        *("FATAL", "CRITICAL", "PANIC", "EMERG", "ERROR", "ERR", "SEVERE"),
        *("WARN", "WARNING", "INFO", "NOTICE", "DEBUG", "TRACE"),
    }
)
_CAPITALS = re.compile(r"[CDEFINPSTW](?<!\w.)[A-Z]{2,7}\b")
"""A whole word that may be one of `_WORDS`. It begins with the letters themselves: such are found faster than what
begins with `\\b`."""
_WORD_LOWER = re.compile(
    r"\b(?:level|lvl|severity)=\"?(fatal|critical|panic|error|err|warn(?:ing)?|info|debug|trace)\b"
)
_KLOG = re.compile(r"^([EFIW])\d{4} \d{2}:\d{2}:\d{2}")
_SHOUTS = re.compile(r"^(?:panic:|fatal error:|Traceback \(most recent call last\)|Exception in thread)")


_TIME = r"\[?\d{4}[-/]\d{2}[-/]\d{2}[T ]\d{2}:\d{2}:\d{2}(?:[.,]\d+)?(?:Z| ?[+-]\d{2}:?\d{2})?\]?"
_SPRING = r"(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+\d+ --- \[[^\]]*\] \S+\s*: "
_PLAIN = r"\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|FATAL|CRITICAL)\]?:?\s+"
_HEAD = re.compile(rf"^(?:{_TIME}\s+)?(?:{_SPRING}|{_PLAIN})?")


class Level(StrEnum):
    """How bad a line says it is."""

    FATAL = "fatal"
    ERROR = "error"
    WARN = "warn"
    INFO = "info"
    DEBUG = "debug"
    UNKNOWN = ""
    """It does not say."""


_LEVELS = {
    **dict.fromkeys(("fatal", "critical", "crit", "panic", "emerg", "f"), Level.FATAL),
    **dict.fromkeys(("error", "err", "severe", "e"), Level.ERROR),
    **dict.fromkeys(("warn", "warning", "w"), Level.WARN),
    **dict.fromkeys(("info", "information", "notice", "i"), Level.INFO),
    **dict.fromkeys(("debug", "trace"), Level.DEBUG),
    "10": Level.DEBUG,
    "20": Level.DEBUG,
    "30": Level.INFO,
    "40": Level.WARN,
    "50": Level.ERROR,
    "60": Level.FATAL,
}
"""Words, and the numbers that pino and bunyan write."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LogLine:
    """One line. `text` is without secrets and at most LONGEST characters.

    Thousands are made in an investigation, from parts that are what they should be: no `Value`, which looks at each.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    at: datetime
    text: str
    details: str = ""
    """What a structured line says besides its message (a stack trace, a statement, a limit), `name=value`, bounded."""
    level: Level = Level.UNKNOWN
    pod: str = ""
    container: str = ""


def line_of(raw: str, *, at: datetime, pod: str = "", container: str = "", label: str = "") -> LogLine:
    """Read one line; `label` is a level that the log system knows of it. JSON lines are read by their message."""
    parsed = _json(raw)
    text = _message(parsed) if parsed else None
    level = _level(raw, parsed, label)
    return LogLine(
        at=at,
        text=redact((text or raw).strip())[:LONGEST],
        details=_details(parsed) if parsed and text else "",
        level=level,
        pod=pod,
        container=container,
    )


def message_of(text: str) -> str:
    """What a line says, without the time, level, thread and logger that runtimes put before it."""
    return _HEAD.sub("", text, count=1) or text


def _json(raw: str) -> dict[str, object] | None:
    if not raw.startswith("{"):
        return None
    try:
        parsed = orjson.loads(raw)
    except ValueError:
        parsed = _lenient(raw)
    return parsed if isinstance(parsed, dict) else None


def _lenient(raw: str) -> object:
    """What loggers write beyond JSON (NaN, halves of surrogate pairs), which the faster reader refuses."""
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _message(parsed: dict[str, object]) -> str | None:
    """The message of a structured line with its error, which often stands in a field of its own."""
    said: list[str] = []
    for key in _TEXT_KEYS:
        text = parsed.get(key)
        if isinstance(text, str) and text and not (said and any(text in known for known in said)):
            said.append(text)
    return ": ".join(said) or None


def _details(parsed: dict[str, object]) -> str:
    """Fields that are neither the message nor the address of the line, as they stand, without secrets."""
    said = [f"{key}={value}" for key, value in parsed.items() if isinstance(value, _PLAIN_VALUES) and _says_more(key)]
    return redact(" ".join(said))[:MOST_DETAILS] if said else ""


@lru_cache(maxsize=1024)
def _says_more(key: str) -> bool:
    """Whether a field is neither the message nor the address of a line. Kept: an estate has few names of fields."""
    return key not in _TEXT_KEYS and not _ADDRESS.search(key)


def _level(raw: str, parsed: dict[str, object] | None, label: str) -> Level:
    if (level := _LEVELS.get(label.lower())) is not None:
        return level
    for key in _LEVEL_KEYS if parsed else ():
        if parsed and key in parsed and (level := _LEVELS.get(str(parsed[key]).lower())) is not None:
            return level
    if _SHOUTS.match(raw):
        return Level.FATAL
    lower = _WORD_LOWER.search(raw) if "l=" in raw or "y=" in raw else None  # how the names end: most lines have none
    found = _KLOG.match(raw) or lower
    return _LEVELS.get((found[1] if found else _word(raw[:200])).lower(), Level.UNKNOWN)


def _word(text: str) -> str:
    """The first word in capitals that names a level; empty when there is none."""
    return next((found[0] for found in _CAPITALS.finditer(text) if found[0] in _WORDS), "")
