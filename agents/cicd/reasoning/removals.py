"""What a diff no longer does: checks, locks, set-up, clean-up, error handling, waiting. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from agents.cicd.reasoning.effect import Done, Effect
from agents.cicd.reasoning.lines import Diff, Line, names_in

_CONDITION = re.compile(r"\b(?:if|unless|guard|while|assert|require)\b\s*\(?(?P<of>.*?)\)?\s*(?:\{|:|then|return|$)")
_ABSENT = re.compile(
    r"(?P<what>[\w.\[\]\"'()>-]+?)\s*(?:==|!=|===|!==|is not|is)\s*(?:nil|null|None|undefined|NULL|nullptr)\b"
    r"|(?P<negated>!\s*(?!ok\b)[\w.]+)\s*$|(?P<ok>!?\s*\bok\b|exists|found|present|hasattr\([^)]*\)|isPresent\(\)|in\s+\w+)"
    r"|len\((?P<len>[\w.]+)\)\s*[=<>!]=?\s*[01]|(?P<empty>[\w.]+\.(?:isEmpty|is_none|is_empty|IsZero|is_some|empty)\(\))"
)
_SOFT = (
    (re.compile(r"\?\."), "optional chaining"),
    (re.compile(r"\.get\(\s*[\"'][\w.-]+[\"']"), "a look-up with a default"),
    (re.compile(r"getOrDefault|unwrap_or|orElse|ifPresent|Optional\.ofNullable|\?\?|\|\|\s*[\[{\"'0]"), "a default"),
)
"""Ways to bear with what is missing."""
_ERR = re.compile(r"\berr(?:or)?\b\s*!=\s*nil|if let Err|\.catch\(|\bcatch\b|\bexcept\b|\brescue\b|onError|recover\(\)")
_TRY = re.compile(r"^\s*(?:try\b|except\b|catch\b|\}\s*catch|rescue\b|defer func|.*\.catch\()")
_LOCK = re.compile(
    r"\.?\b(?:R?Lock|R?Unlock|TryLock)\(|\bsync\.(?:RW)?(?:Mutex|Once|Map)\b|\bsynchronized\b|\bmutex\b|Mutex<|RwLock"
    r"|with .*\block\b|\bacquire\(|atomic\.|Atomic[A-Z]\w+|ConcurrentHashMap"
    r"|threading\.(?:R?Lock|Semaphore)|asyncio\.Lock"
    r"|FOR UPDATE|@Transactional|@Lock|singleflight|\bonce\.Do\(|BeginTx|\.lock\(|isolation",
    re.IGNORECASE,
)
_CALL = re.compile(
    r"^(?:await\s+|go\s+|defer\s+|return\s+|this\.|self\.|_\s*=\s*)*(?P<name>[A-Za-z_][\w.]*)\s*(?:<[^>]*>)?\("
)
_SETUP = re.compile(
    r"regist|\binit|setup|bootstrap|preload|\bload|migrat|\bseed|subscrib|\bstart|\buse$|mount|install|\bbind|wire"
    r"|provid|configure|handle(?:func)?$|add_?(?:route|handler|middleware|job|listener)|\bmake|create_?(?:table|index|topic)"
    r"|warm|connect|declare|include_router|^include$|enable|schedule",
    re.IGNORECASE,
)
_ROUTE = re.compile(
    r"\.(?:get|post|put|patch|delete|all|route|use|handle(?:func)?|group|mount|path)\(\s*[\"'`]/|^\s*(?:path|url|re_path)\(\s*r?[\"']"
    r"|^\s*@\w*(?:route|get|post|put|delete|requestmapping)\w*\(",
    re.IGNORECASE,
)
"""A route that is declared."""
_RELEASE = re.compile(
    r"clos|releas|free\b|dispos|shutdown|cleanup|clean_?up|evict|purge|expire|delete|remove|clear|cancel|unsubscrib"
    r"|return_?conn|putconn|\bput$|rollback|commit|\back(?:nowledge)?\b|\.ack$|truncate|rotate|\bstop$|drain|unlink",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"^(?:log|logger|logging|slog|console|fmt|print|printf|metrics?|span|tracer?|writeJSON|writeError|http\.Error|json"
    r"|res|w|response|assert|expect|t|require)\b|encode|decode|marshal|Scan$|append$|Printf?$|String$|Error$",
    re.IGNORECASE,
)
_WAIT = re.compile(r"\bawait\b|\.Wait\(\)|\.join\(\)|\.get\(\)$|\.block\(\)|runSync|sync\b")


def removals(diff: Diff) -> Iterator[Done]:
    """Effects of lines that went, and of what those that came lack."""
    yield from _guards(diff)
    yield from _locks(diff)
    yield from _handling(diff)
    yield from _calls(diff)


def _guards(diff: Diff) -> Iterator[Done]:
    """Conditions about what may be missing that are nowhere asked any more."""
    still = Counter(_about(line.text) for line in diff.added)
    for line in diff.removed:
        about = _about(line.text)
        if about and still[about] <= 0:
            yield _done(Effect.GUARD_REMOVED, line, f"no longer checks {about}", names=names_in(about))
        elif about:
            still[about] -= 1
    for old, new in diff.pairs:
        for pattern, what in _SOFT:
            if len(pattern.findall(old.text)) > len(pattern.findall(new.text)):
                yield _done(Effect.GUARD_REMOVED, new, f"drops {what}: {new.plain[:60]}")


def _about(text: str) -> str:
    """What a condition checks the presence of; empty for other conditions, and for errors."""
    condition = _CONDITION.search(text)
    if condition is None or re.search(r"\berr(?:or)?\b", condition["of"]):
        return ""
    found = _ABSENT.search(condition["of"].strip())
    return next((part.strip("! ") for part in found.groups() if part), "") if found else ""


def _locks(diff: Diff) -> Iterator[Done]:
    gone, come = _matching(diff.removed, _LOCK), _matching(diff.added, _LOCK)
    if len(gone) > len(come):
        yield _done(
            Effect.LOCK_REMOVED, gone[0], f"takes a lock away: {gone[0].plain[:60]}", names=_near(diff, gone[0])
        )
    elif len(come) > len(gone):
        yield _done(Effect.LOCK_ADDED, come[0], f"takes a lock: {come[0].plain[:60]}", sure=0.7)
    for old, new in diff.pairs:
        if _WAIT.search(old.text) and not _WAIT.search(new.text):
            yield _done(Effect.LOCK_REMOVED, new, f"no longer waits: {new.plain[:60]}", sure=0.7)
        if re.match(r"\s*go\s", new.text) and not re.match(r"\s*go\s", old.text):
            yield _done(Effect.LOCK_REMOVED, new, f"runs on its own: {new.plain[:60]}", sure=0.6)


def _near(diff: Diff, line: Line) -> tuple[str, ...]:
    """Names of the place around a line: what the lock guarded."""
    hunk = next(one for one in diff.hunks if (one.path, one.number) == (line.path, line.hunk))
    return names_in(" ".join((hunk.heading, *hunk.after)))


def _handling(diff: Diff) -> Iterator[Done]:
    gone, come = _matching(diff.removed, _ERR), _matching(diff.added, _ERR)
    tried = len(_matching(diff.removed, _TRY)) > len(_matching(diff.added, _TRY))
    if len(gone) > len(come) or tried:
        line = (gone or _matching(diff.removed, _TRY))[0]
        delegated = any("decode" in one.text.lower() or "parse" in one.text.lower() for one in diff.added)
        yield _done(
            Effect.ERROR_HANDLING_REMOVED,
            line,
            f"no longer handles an error: {line.plain[:60]}",
            sure=0.2 if delegated else 0.7,
        )
    for line in diff.added:
        if re.search(r"(?:,\s*_|^_)\s*:?=\s*\w", line.plain) and not re.search(r"json|Encode|Fprint", line.text):
            yield _done(Effect.ERROR_HANDLING_REMOVED, line, f"ignores an error: {line.plain[:60]}", sure=0.5)


def _calls(diff: Diff) -> Iterator[Done]:
    """Calls that are made nowhere any more, told by what their names say they do."""
    still = {name for line in diff.added for name in _called(line)}
    for line in diff.removed:
        name = next(iter(_called(line)), "")
        last = name.rpartition(".")[2]
        if not name or name in still or any(last == one.rpartition(".")[2] for one in still) or _HARMLESS.search(name):
            continue
        if re.match(r"\s*(?:func|def|function|public|private|class|if|for|while|switch|return)\b", line.text):
            continue
        if _ROUTE.search(line.text):
            yield _done(Effect.SETUP_REMOVED, line, f"no longer serves {line.plain[:60]}", names=names_in(line.text))
        elif _RELEASE.search(last):
            yield _done(Effect.RELEASE_REMOVED, line, f"no longer calls {name}", names=names_in(line.text))
        elif _SETUP.search(last):
            yield _done(Effect.SETUP_REMOVED, line, f"no longer calls {name}", names=names_in(line.text))
        elif not re.search(r"=", line.text.partition("(")[0]):
            yield _done(Effect.CALL_REMOVED, line, f"no longer calls {name}", names=names_in(line.text), sure=0.6)


def _called(line: Line) -> list[str]:
    head = _CALL.match(line.plain)
    assigned = re.match(r"^[\w\s,:*]+?:?=\s*(?:await\s+)?(?P<name>[A-Za-z_][\w.]*)\(", line.plain)
    return [found["name"] for found in (head, assigned) if found]


def _matching(lines: Iterable[Line], pattern: re.Pattern[str]) -> list[Line]:
    return [line for line in lines if pattern.search(line.text)]


def _done(effect: Effect, line: Line, words: str, *, names: tuple[str, ...] = (), sure: float = 1.0) -> Done:
    return Done(effect=effect, path=line.path, words=words, names=names or names_in(line.text), sure=sure)
