"""What a diff does to data: queries, schema, names that others rely on, formats, caches, growth. Pure."""

import re
from collections.abc import Iterator

from agents.cicd.reasoning.effect import Done, Effect
from agents.cicd.reasoning.lines import Diff, Hunk, Line, names_in
from agents.cicd.touches import FileClass, file_class

_LOOP = re.compile(r"^\s*(?:for\b|while\b|.*\.(?:forEach|map|each|flatMap)\(|.*\bfor .+ in .+|.*Promise\.all)")
_REMOTE = re.compile(
    r"(?:await\s+|\.|\b)(?:\w*(?:client|repo(?:sitory)?|dao|db|store|api|svc|service|session|cursor|catalog|conn|redis|http|cache|tx)\w*)"
    r"\.\w+\(|\b(?:fetch|requests?\.(?:get|post)|axios|http\.(?:Get|Post)|QueryRow|QueryContext|ExecContext|execute)\w*\("
    r"|\.\w+\(ctx\b|await\s+\w+",
    re.IGNORECASE,
)
_SQL = re.compile(
    r"\b(?:SELECT\b.*?\bFROM|INSERT\s+INTO|UPDATE|DELETE\s+FROM|JOIN|MERGE\s+INTO)\s+[\"`'\[]?(?P<table>[A-Za-z_][\w.]*)",
    re.IGNORECASE,
)
_DDL = re.compile(
    r"\b(?P<verb>ALTER|DROP|RENAME|CREATE|TRUNCATE)\s+(?:UNIQUE\s+)?(?P<what>TABLE|COLUMN|INDEX|TYPE|VIEW|CONSTRAINT)\b"
    r"|\b(?:op\.|add_|remove_|rename_|drop_|change_|create_)(?:column|table|index)\w*\(|\bSET NOT NULL\b|ADD COLUMN",
    re.IGNORECASE,
)
_INDEX_GONE = re.compile(r"DROP\s+INDEX|remove_index|drop_index", re.IGNORECASE)
_BOUND = re.compile(
    r"\bLIMIT\b|\bWHERE\b|\.limit\(|\.where\(|index=True|@Index|CREATE\s+(?:UNIQUE\s+)?INDEX|add_index|page",
    re.IGNORECASE,
)
_COSTLY = re.compile(r"\([^()]*[+*]\)[+*{]|\(\.\*\)[+*]|(?:\.\*){3,}|\([^()|]*\|[^()]*\)[+*]\$?")
_LITERAL = re.compile(r"\"([^\"\s]{1,80})\"|'([^'\s]{1,80})'|`([^`\s]{1,80})`")
_INNER = re.compile(r"\"([^\"]+)\"")
"""A literal in a literal: the tag of a field."""
_NORMAL = re.compile(
    r"replac|trim|lower|upper|strip|escape|normali[sz]e|split|join|round|quote|format|clean|sanitize", re.IGNORECASE
)
_CALLED = re.compile(r"([A-Za-z_][\w.]*)\s*\(")
_KEY = re.compile(r"^\s*-?\s*[\"']?(?P<key>[A-Za-z_][\w.\-/]*)[\"']?\s*:")
_FORMAT = re.compile(
    r"marshal|serializ|encod|decod|pars(?:e|ing)|strptime|strftime|json|proto|avro|protobuf|charset|utf|base64|gzip|compress"
    r"|round|float|decimal|int(?:32|64)?\b|uint|BigDecimal|toFixed|Number\(|cast|::|timestamp|format\(|locale",
    re.IGNORECASE,
)
_CACHE = re.compile(r"cache|memoi[sz]|lru|singleflight|redis\.get|etag|@Cacheable", re.IGNORECASE)
_UNIQUE = re.compile(r"uuid|time\.(?:now|time)|timestamp|request_?id|nonce|random|session", re.IGNORECASE)
_GROW = re.compile(
    r"\bappend\(|\.(?:push|add|append|put|set)\(|\w+\[[^\]]+\]\s*=\s|\bnew\s+(?:Map|HashMap|ArrayList|Set)\b|make\(map"
)
_GLOBAL = re.compile(
    r"\b(?:global|static|var|registry|history|listeners|sessions|pending|seen|buffers?|cache|queue|all\w+)\b",
    re.IGNORECASE,
)
_MADE = re.compile(
    r"(?P<name>[A-Za-z_]\w*)\s*(?::[^=]*)?:?=\s*"
    r"(?:\{\}|\[\]|dict\(|list\(|set\(|new (?:Map|Set|HashMap|ArrayList)|make\(map|map\[)"
)
"""A container that is made."""
_BLOCKING = re.compile(
    r"time\.sleep|Thread\.sleep|time\.Sleep|readFileSync|execSync|\.Sync\b|fsync|synchronous|bcrypt|scrypt|pbkdf2|rounds|\.block\(\)"
    r"|\bregexp?\.(?:MustC|C)ompile|re\.compile|new RegExp|deepcopy|structuredClone|sort\(|compress",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|while|elif|unless|return|assert|case)\b|&&|\|\||[<>]=?|[=!]==?|\?")


def data(diff: Diff) -> Iterator[Done]:
    """All effects on data."""
    for hunk in diff.hunks:
        yield from _loops(hunk, diff)
    yield from _queries(diff)
    yield from _schema(diff)
    yield from _names(diff)
    yield from _caches(diff)
    yield from _growth(diff)
    yield from _logic(diff)


def _loops(hunk: Hunk, diff: Diff) -> Iterator[Done]:
    """A remote call that came below the head of a loop, and is indented deeper than it."""
    fresh = {line.text for line in diff.added if (line.path, line.hunk) == (hunk.path, hunk.number)}
    depth: int | None = None
    for text in hunk.after:
        own = len(text.expandtabs(4)) - len(text.expandtabs(4).lstrip())
        if depth is not None and own <= depth and text.strip() not in {"", "{"}:
            depth = None
        if depth is not None and text in fresh and _REMOTE.search(text):
            line = Line(path=hunk.path, hunk=hunk.number, text=text)
            yield _done(Effect.QUERY_PER_ITEM, line, f"asks once per item: {line.plain[:70]}")
            return
        if _LOOP.search(text):
            depth = own
            if text in fresh and _REMOTE.search(text.partition("=>")[2]):
                line = Line(path=hunk.path, hunk=hunk.number, text=text)
                yield _done(Effect.QUERY_PER_ITEM, line, f"asks once per item: {line.plain[:70]}")
                return


def _queries(diff: Diff) -> Iterator[Done]:
    old = {match["table"].lower() for line in diff.removed for match in _SQL.finditer(line.text)}
    old_calls = sum(bool(_REMOTE.search(line.text)) for line in diff.removed)
    for line in diff.added:
        tables = [match["table"] for match in _SQL.finditer(line.text) if match["table"].lower() not in old]
        if tables:
            yield _done(Effect.QUERY_ADDED, line, f"asks {tables[0]}: {line.plain[:70]}", names=tuple(tables))
        if _COSTLY.search(line.text) and re.search(r"regex|re\.|RegExp|Pattern|match|/", line.text, re.IGNORECASE):
            yield _done(Effect.COSTLY_PATTERN, line, f"matches with a pattern that can run away: {line.plain[:70]}")
        if _BLOCKING.search(line.text):
            yield _done(Effect.BLOCKING_ADDED, line, f"works on the way of requests: {line.plain[:70]}", sure=0.5)
    calls = [line for line in diff.added if _REMOTE.search(line.text)]
    if len(calls) > old_calls:
        yield _done(Effect.QUERY_ADDED, calls[-1], f"calls once more: {calls[-1].plain[:70]}", sure=0.5)
    for old_line, new_line in diff.pairs:
        if len(_BOUND.findall(old_line.text)) > len(_BOUND.findall(new_line.text)):
            yield _done(Effect.QUERY_UNBOUNDED, new_line, f"asks without the bound it had: {new_line.plain[:70]}")
    paired = {id(line) for pair in diff.pairs for line in pair}
    for line in diff.removed:
        if (
            id(line) not in paired
            and _BOUND.search(line.text)
            and re.search(r"index|LIMIT|limit\(", line.text, re.IGNORECASE)
        ):
            yield _done(Effect.QUERY_UNBOUNDED, line, f"takes a bound or index away: {line.plain[:70]}", sure=0.8)


def _schema(diff: Diff) -> Iterator[Done]:
    for line in diff.added:
        if _INDEX_GONE.search(line.text):
            yield _done(Effect.QUERY_UNBOUNDED, line, f"drops an index: {line.plain[:70]}")
        found = _DDL.search(line.text)
        if found:
            yield _done(Effect.SCHEMA_CHANGED, line, f"changes the schema: {line.plain[:70]}")
            if not re.search(r"CONCURRENTLY|IF NOT EXISTS", line.text, re.IGNORECASE):
                yield _done(Effect.LOCK_ADDED, line, f"locks a table while it runs: {line.plain[:70]}", sure=0.8)
    for line in diff.removed:
        migrating = file_class(line.path) is FileClass.MIGRATION or re.search(r"schema|mapping|model", line.path)
        if migrating and not any(line is old for old, _ in diff.pairs):
            yield _done(Effect.SCHEMA_CHANGED, line, f"takes from the schema: {line.plain[:70]}", sure=0.8)


def _names(diff: Diff) -> Iterator[Done]:
    """Literals and keys that stand in the place of others: whoever relies on the old ones does not find them."""
    for old, new in diff.pairs:
        before, after = _said(old.text), _said(new.text)
        gone = [one for one in before if one not in after]
        come = [one for one in after if one not in before]
        if gone and come and not _is_prose(gone[0]):
            schema = re.search(r"mapping|schema|model|entity|migration|proto", old.path, re.IGNORECASE)
            effect = Effect.SCHEMA_CHANGED if schema else Effect.NAME_CHANGED
            yield _done(effect, new, f"renames {gone[0]} to {come[0]}", names=(*gone, *come))
        elif lost := _lost(old, diff):
            what = Effect.FORMAT_CHANGED if any(_NORMAL.search(name) for name in lost) else Effect.CALL_REMOVED
            yield _done(what, new, f"no longer applies {lost[0]}: {new.plain[:60]}", names=names_in(old.text), sure=0.8)
        elif _FORMAT.search(old.text) or _FORMAT.search(new.text):
            yield _done(Effect.FORMAT_CHANGED, new, f"reads or writes data otherwise: {new.plain[:70]}", sure=0.6)


def _lost(old: Line, diff: Diff) -> list[str]:
    """What a line applied that no added line applies any more."""
    still = {name.rpartition(".")[2] for line in diff.added for name in _CALLED.findall(line.text)}
    return [name for name in _CALLED.findall(old.text) if name.rpartition(".")[2] not in still and "." in name]


def _said(text: str) -> list[str]:
    literals = [next(part for part in found if part) for found in _LITERAL.findall(text)]
    inner = [match for one in literals for match in _INNER.findall(one)]
    key = _KEY.match(text)
    return list(dict.fromkeys([*([key["key"]] if key else []), *(inner or literals)]))


def _is_prose(text: str) -> bool:
    return " " in text or re.fullmatch(r"[\d.,:#%-]+|#[0-9a-fA-F]{3,8}", text) is not None


def _caches(diff: Diff) -> Iterator[Done]:
    gone = [line for line in diff.removed if _CACHE.search(line.text)]
    come = [line for line in diff.added if _CACHE.search(line.text)]
    if len(gone) > len(come):
        yield _done(Effect.CACHE_WEAKENED, gone[0], f"no longer keeps in a cache: {gone[0].plain[:60]}", sure=0.9)
    for line in come:
        if _UNIQUE.search(line.text) and re.search(r"key", line.text, re.IGNORECASE):
            yield _done(Effect.CACHE_WEAKENED, line, f"caches under a key that never repeats: {line.plain[:60]}")


def _growth(diff: Diff) -> Iterator[Done]:
    """Writing into what outlives a request; surer when the same diff made that container."""
    made = {match["name"] for line in diff.added if (match := _MADE.search(line.text))}
    for line in diff.added:
        if _GROW.search(line.text) and _GLOBAL.search(line.text.replace("_", " ")):
            new = bool(made & set(names_in(line.text)))
            yield _done(Effect.GROWTH_ADDED, line, f"keeps what it sees: {line.plain[:60]}", sure=0.9 if new else 0.6)


def _logic(diff: Diff) -> Iterator[Done]:
    for old, new in diff.pairs:
        if _CONDITION.search(old.text) and _CONDITION.search(new.text) and names_in(old.text) != ():
            yield _done(Effect.LOGIC, new, f"decides or computes otherwise: {new.plain[:70]}", sure=0.5)


def _done(effect: Effect, line: Line, words: str, *, names: tuple[str, ...] = (), sure: float = 1.0) -> Done:
    return Done(effect=effect, path=line.path, words=words, names=names or names_in(line.text), sure=sure)
