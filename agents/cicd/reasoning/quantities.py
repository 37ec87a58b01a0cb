"""Numbers that a diff changed: time-outs, retries, pools, limits, caches, memory, log levels. Pure."""

import re
from collections.abc import Iterator

from agents.cicd.reasoning.effect import Done, Effect
from agents.cicd.reasoning.lines import Diff, Hunk, Line, names_in

_UNITS = {
    "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0,
    "nanosecond": 1e-9, "microsecond": 1e-6, "millisecond": 1e-3, "milli": 1e-3, "millis": 1e-3,
    "second": 1.0, "sec": 1.0, "minute": 60.0, "min": 60.0, "hour": 3600.0, "day": 86400.0,
}  # fmt: skip
"""Seconds of one, by what durations are called in Go, Java, Python, JavaScript, YAML."""
_BYTES = {"k": 1e3, "ki": 1024, "kb": 1e3, "mi": 1024**2, "mb": 1e6, "gi": 1024**3, "gb": 1e9, "g": 1e9}
_NUMBER = re.compile(
    r"(?<![\w.])(?P<before>\d+(?:\.\d+)?)\s*\*\s*time\.(?P<go>[A-Z]\w+)"
    r"|time\.(?P<go_first>Nano|Micro|Milli)?(?P<go_unit>[Ss]econd|Minute|Hour)\s*\*\s*(?P<after>\d+)"
    r"|(?:of|from|Duration\.)(?P<java>Millis|Seconds|Minutes|Hours|millis|seconds|minutes)\((?P<arg>\d+)\)"
    r"|(?P<word>milliseconds|seconds|minutes|hours|days)\s*=\s*(?P<kw>\d+(?:\.\d+)?)"
    r"|(?<![\w.])(?P<plain>-?\d[\d_]*(?:\.\d+)?)\s?(?P<unit>ms|us|ns|s|m|h|d|Ki|Mi|Gi|KB|MB|GB|kb|mb|gb|k)?(?![\w.])"
)
_SORTS: tuple[tuple[str, str], ...] = (
    ("retries", r"retr(?:y|ies)|attempts?\b|max_?tries"),
    ("backoff", r"back_?-?off|jitter|retry_?(?:delay|interval|wait)|sleep"),
    ("cache", r"cache|ttl|max_?age|expir(?:e|y|ation)|memoi[sz]|stale"),
    ("timeout", r"time_?-?out|deadline|withTimeout|budget|max_?wait|visibility|grace|lease"),
    ("pool", r"pool|max_?(?:open|idle)|(?:max|min)_?conn|connections?\b|sockets"),
    ("concurrency", r"workers?|threads?|concurren|parallel|in_?-?flight|prefetch|goroutine|executor|partition|replica"),
    ("batch", r"batch|chunk|page[_.]?size|fetch[_.]?(?:size|min|max)|poll[_.]?records|per_?page|flush"),
    ("memory", r"memory|heap|xm[xs]|buffer|mem_?limit|\bcpu\b|resources"),
    ("limit", r"limit|rate|rps|qps|burst|quota|throttle|max|min|threshold|capacity|size|depth|length"),
)  # fmt: skip
_SORTED = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _SORTS)
_EFFECTS: dict[str, tuple[Effect, Effect, str]] = {
    "retries": (Effect.LOGIC, Effect.RETRIES_RAISED, "a number of retries"),
    "backoff": (Effect.RETRIES_RAISED, Effect.LOGIC, "a pause between attempts"),
    "cache": (Effect.CACHE_WEAKENED, Effect.CACHE_RAISED, "a cache's size or lifetime"),
    "timeout": (Effect.TIMEOUT_LOWERED, Effect.TIMEOUT_RAISED, "a time-out"),
    "pool": (Effect.POOL_LOWERED, Effect.POOL_RAISED, "a pool"),
    "concurrency": (Effect.CONCURRENCY_LOWERED, Effect.CONCURRENCY_RAISED, "how much runs at once"),
    "batch": (Effect.BATCH_CHANGED, Effect.BATCH_CHANGED, "a batch size"),
    "memory": (Effect.MEMORY_LOWERED, Effect.MEMORY_RAISED, "memory or resources"),
    "limit": (Effect.LIMIT_LOWERED, Effect.LIMIT_RAISED, "a limit"),
}
"""What a smaller and what a larger number does."""
_LEVELS = {
    "trace": 0,
    "debug": 1,
    "verbose": 1,
    "info": 2,
    "notice": 2,
    "warn": 3,
    "warning": 3,
    "error": 4,
    "fatal": 5,
}
_LEVEL = re.compile(r"\b(trace|debug|verbose|info|notice|warn(?:ing)?|error|fatal)\b", re.IGNORECASE)
_LEVEL_KEY = re.compile(r"level|verbos|RUST_LOG|log", re.IGNORECASE)
_SAMPLING = re.compile(r"sampl", re.IGNORECASE)
_LOGGED = re.compile(r"payload|body|record|row|request|response|dump|message|event", re.IGNORECASE)
_LOG_CALL = re.compile(r"\b(?:log(?:ger|ging)?|LOG\w*|console|slog|zap|fmt)\b[.\w]*\s*\(", re.IGNORECASE)
SAME = 0.02
"""Share by which two numbers differ at least."""


def quantities(diff: Diff) -> Iterator[Done]:
    """Numbers that are smaller or larger than before, and settings with a bound that came or went."""
    hunks = {(hunk.path, hunk.number): hunk for hunk in diff.hunks}
    for old, new in diff.pairs:
        hunk = hunks[old.path, old.hunk]
        yield from _verbosity(old, new)
        yield from _moved(old, new, hunk)
    paired = {id(line) for pair in diff.pairs for line in pair}
    for line in diff.removed:
        if id(line) not in paired:
            yield from _gone(line)
    for line in diff.added:
        if id(line) not in paired:
            yield from _brought(line)


def numbers_in(text: str) -> list[float]:
    """Numbers of a line; durations in seconds, sizes in bytes."""
    return [_value(match) for match in _NUMBER.finditer(text)]


def _value(match: re.Match[str]) -> float:
    if match["before"]:
        return float(match["before"]) * _UNITS.get(match["go"].lower(), 1.0)
    if match["after"]:
        unit = f"{(match['go_first'] or '').lower()}{match['go_unit'].lower()}"
        return float(match["after"]) * _UNITS.get(unit, 1.0)
    if match["java"]:
        return float(match["arg"]) * _UNITS.get(match["java"].lower().rstrip("s"), 1.0)
    if match["word"]:
        return float(match["kw"]) * _UNITS[match["word"].rstrip("s")]
    unit, number = match["unit"] or "", float(match["plain"].replace("_", ""))
    return number * (_BYTES.get(unit.lower()) or _UNITS.get(unit, 1.0))


def _moved(old: Line, new: Line, hunk: Hunk) -> Iterator[Done]:
    before, after = numbers_in(old.text), numbers_in(new.text)
    if not before or len(before) != len(after):
        return
    sort = _sort(new.text, hunk)
    for one, other in zip(before, after, strict=True):
        if abs(other - one) > SAME * max(abs(one), abs(other)):
            if _SAMPLING.search(new.text):
                if other > one:
                    yield _done(Effect.LOG_VOLUME_RAISED, new, f"samples {one:g} -> {other:g}", one, other)
                continue
            if sort is None:
                yield _done(
                    Effect.SETTING_CHANGED, new, f"changes {_short(old)} to {_short(new)}", one, other, sure=0.5
                )
                continue
            lower, higher, what = _EFFECTS[sort]
            endless = other <= 0 < one and sort in {"retries", "timeout", "limit"}
            verb = "takes away the bound of" if endless else "raises" if other > one else "lowers"
            effect = higher if other > one or endless else lower
            yield _done(effect, new, f"{verb} {what}: {_short(old)} -> {_short(new)}", one, other)


def _sort(text: str, hunk: Hunk) -> str | None:
    """What a number is about: by its own line, else by the blocks around it; `max` alone only says a bound."""
    vague = None
    for said in (text, *_around(text, hunk), hunk.heading):
        found = next((name for name, pattern in _SORTED if pattern.search(said)), None)
        if found == VAGUE:
            vague = vague or found
        elif found is not None:
            return found
    return vague


VAGUE = "limit"
MOST_BLOCKS = 4


def _around(text: str, hunk: Hunk) -> list[str]:
    """The heads of the blocks that hold a line, innermost first, by their indentation."""
    if text not in hunk.after:
        return []
    found, depth = list[str](), _indented(text)
    for line in reversed(hunk.after[: hunk.after.index(text)]):
        if line.strip() and _indented(line) < depth:
            found.append(line)
            depth = _indented(line)
    return found[:MOST_BLOCKS]


def _indented(text: str) -> int:
    wide = text.expandtabs(4)
    return len(wide) - len(wide.lstrip())


def _verbosity(old: Line, new: Line) -> Iterator[Done]:
    was, now = _LEVEL.findall(old.text), _LEVEL.findall(new.text)
    if len(was) == len(now) == 1 and _LEVEL_KEY.search(new.text):
        before, after = _LEVELS[was[0].lower()], _LEVELS[now[0].lower()]
        if after < before and not _LOG_CALL.search(new.text):
            yield _done(Effect.LOG_VOLUME_RAISED, new, f"logs at {now[0]} instead of {was[0]}", before, after)


_BOUND = re.compile(r"time_?-?out|deadline|withTimeout", re.IGNORECASE)
_SMALL = re.compile(r"back_?-?off|jitter|limiter|rate_?limit|throttl|semaphore|circuit|breaker|bulkhead", re.IGNORECASE)


def _gone(line: Line) -> Iterator[Done]:
    """A setting that is no longer there falls back to a default, which is usually no bound."""
    if _BOUND.search(line.text):
        yield _done(Effect.TIMEOUT_RAISED, line, f"takes a time-out away: {_short(line)}", sure=0.7)
    elif _SMALL.search(line.text):
        backing = re.search(r"back_?-?off|jitter", line.text, re.IGNORECASE)
        effect = Effect.RETRIES_RAISED if backing else Effect.LIMIT_RAISED
        yield _done(effect, line, f"takes a brake away: {_short(line)}", sure=0.7)


def _brought(line: Line) -> Iterator[Done]:
    sort = next((name for name, pattern in _SORTED if pattern.search(line.text)), None)
    if _LOG_CALL.search(line.text) and _LOGGED.search(line.text):
        yield _done(Effect.LOG_VOLUME_RAISED, line, f"logs more: {_short(line)}", sure=0.3)
    elif sort == "timeout" and numbers_in(line.text):
        yield _done(Effect.TIMEOUT_LOWERED, line, f"puts a time-out in: {_short(line)}", sure=0.5)
    elif sort == "retries" and re.search(r"for|while|loop|retry\(", line.text):
        yield _done(Effect.RETRIES_RAISED, line, f"tries again: {_short(line)}", sure=0.7)
    elif sort in {"pool", "concurrency", "limit"} and numbers_in(line.text) and re.search(r"[:=(]\s*\d", line.text):
        lower, _, what = _EFFECTS[sort]
        yield _done(lower, line, f"bounds {what}: {_short(line)}", sure=0.5)


def _done(
    effect: Effect, line: Line, words: str, before: float | None = None, after: float | None = None, sure: float = 1.0
) -> Done:
    return Done(
        effect=effect, path=line.path, words=words, names=names_in(line.text), before=before, after=after, sure=sure
    )


LONGEST = 70


def _short(line: Line) -> str:
    return line.plain if len(line.plain) <= LONGEST else f"{line.plain[:LONGEST]}..."
