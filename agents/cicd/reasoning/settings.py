"""What a diff sets otherwise: addresses, credentials, trust, permissions, time, switches, versions, images. Pure."""

import re
from collections.abc import Iterator

from agents.cicd.reasoning.effect import Done, Effect
from agents.cicd.reasoning.lines import Diff, Line, names_in, words_of
from agents.cicd.touches import FileClass, file_class
from incidents.redaction import MARK

_SORTS: tuple[tuple[Effect, str, str], ...] = (
    (
        Effect.TRUST_CHANGED,
        r"insecure_?skip|min_?version|root_?ca|ca_?(?:file|bundle|cert)|\bcert(?:ificate)?s?\b|verify|tls\.|ssl|truststore|keystore",
        "whom it trusts",
    ),
    (
        Effect.CREDENTIAL_CHANGED,
        r"secret|password|api_?key|access_?key|private_?key|credential|jwt|audience|issuer|\btoken|signing|jwks|kid\b|bearer|oauth",
        "which credential is used or accepted",
    ),
    (
        Effect.PERMISSION_CHANGED,
        r"\brole|permission|scopes?\b|policy|\biam\b|rbac|allow(?:ed)?_?(?:list|origins)|verbs:|chmod|run_?as|securityContext|grant|cors",
        "what is permitted",
    ),
    (
        Effect.TIME_CHANGED,
        r"time_?zone|\butc\b|\btz\b|LoadLocation|pytz|zoneinfo|\.now\(|leeway|clock_?skew|iat\b|\bexp\b|epoch|strptime|LocalDate",
        "how time is told",
    ),
    (
        Effect.ADDRESS_CHANGED,
        r"://|\bhost(?:name)?\b|\burl\b|endpoint|\baddr(?:ess)?\b|\bport\b|bucket|region|\bqueue\b|topic|database|_db\b|dsn|broker|bootstrap_?servers|dns|resolver|nameserver|upstream",
        "whom it talks to",
    ),
    (
        Effect.FLAG_CHANGED,
        r"enable|disable|feature|flag|toggle|\b(?:true|false|True|False|on|off)\b",
        "a switch",
    ),
)
_SORTED = tuple((effect, re.compile(pattern, re.IGNORECASE), what) for effect, pattern, what in _SORTS)
_VALUE = re.compile(r"[:=]\s*(?P<value>\S.*)$")
_VERSION = re.compile(
    r"(?P<name>[@A-Za-z][\w./@\-]*[A-Za-z\d])[\"']?\s*(?:[=~^><!]=?|:|\s)\s*[\"'^~=v]*(?P<version>\d+(?:\.\d+){0,3}[\w.\-+]*)"
)
_ENVIRONMENT = re.compile(r"(?:getenv|environ(?:\.get)?|env|Getenv|LookupEnv)[\[(.]+[\"']?(?P<name>[A-Z][A-Z0-9_]+)")
_STAGING = re.compile(r"(?:^|[/_.-])(?:staging|stage|dev|sandbox|qa|preprod|local)(?:[/_.-]|$)", re.IGNORECASE)


def settings(diff: Diff) -> Iterator[Done]:
    """Effects of values that differ. What is meant for other environments does nothing here."""
    for old, new in diff.pairs:
        if not _STAGING.search(new.path):
            yield from _pair(old, new)
    yield from _alone(diff)


def _pair(old: Line, new: Line) -> Iterator[Done]:
    kind = file_class(new.path)
    if kind is FileClass.DEPENDENCY:
        yield from _bump(old, new)
        return
    if kind is FileClass.IMAGE and re.match(r"\s*FROM\b", new.text, re.IGNORECASE):
        yield _done(Effect.IMAGE_CHANGED, new, f"builds on {new.plain[5:60]}")
        return
    before, after = _ENVIRONMENT.search(old.text), _ENVIRONMENT.search(new.text)
    if before and after and before["name"] != after["name"]:
        names = (before["name"], after["name"])
        yield Done(
            effect=Effect.NAME_CHANGED, path=new.path, words=f"reads {names[1]} instead of {names[0]}", names=names
        )
        return
    if _same_value(old, new):
        if MARK in new.text:
            yield _done(Effect.CREDENTIAL_CHANGED, new, f"changes what is secret in {new.plain[:50]}")
        return
    found = next(((effect, what) for effect, pattern, what in _SORTED if pattern.search(new.text)), None)
    configuring = kind in {FileClass.CONFIG, FileClass.MANIFEST}
    if found:
        yield _done(
            found[0],
            new,
            f"changes {found[1]}: {old.plain[:50]} -> {new.plain[:50]}",
            sure=1.0 if configuring else 0.8,
            old=old,
        )
    elif configuring:
        yield _done(Effect.SETTING_CHANGED, new, f"sets {old.plain[:50]} -> {new.plain[:50]}", sure=0.6)


def _same_value(old: Line, new: Line) -> bool:
    return re.sub(r"\s", "", old.text) == re.sub(r"\s", "", new.text)


def _bump(old: Line, new: Line) -> Iterator[Done]:
    before, after = _VERSION.search(old.plain), _VERSION.search(new.plain)
    if not before or not after or before["version"] == after["version"]:
        return
    one, other = (_parts(found["version"]) for found in (before, after))
    effect = Effect.DEPENDENCY_PATCH
    if one[:1] != other[:1]:
        effect = Effect.DEPENDENCY_MAJOR
    elif one[1:2] != other[1:2]:
        effect = Effect.DEPENDENCY_MAJOR if one[:1] == (0,) else Effect.DEPENDENCY_MINOR
    words = f"takes {after['name']} {before['version']} -> {after['version']}"
    yield Done(effect=effect, path=new.path, words=words, names=telling_names(after["name"]))


_GENERAL = """
github com org net golang google gopkg www lib pkg core api common client sdk java python node types utils src main
server
"""
GENERAL = frozenset(_GENERAL.split())
"""Parts of package names that name no package."""


def telling_names(package: str) -> tuple[str, ...]:
    """`google.golang.org/protobuf` -> protobuf: what a message about the package would name."""
    last = [part for part in re.split(r"[/.:@]", package) if part and not re.fullmatch(r"v\d+", part)]
    found = [part for part in last[-2:] if part.lower() not in GENERAL]
    words = [word for part in found for word in words_of(part) if word not in GENERAL and len(word) > 3]  # noqa: PLR2004
    return tuple(dict.fromkeys((*found, *words)))


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _alone(diff: Diff) -> Iterator[Done]:
    """Settings that came without another that went, or the other way round."""
    paired = {id(line) for pair in diff.pairs for line in pair}
    for sign, lines in (("no longer sets", diff.removed), ("sets", diff.added)):
        for line in lines:
            kind = file_class(line.path)
            if id(line) in paired or kind not in {FileClass.CONFIG, FileClass.MANIFEST} or _STAGING.search(line.path):
                continue
            found = next(
                (effect for effect, pattern, _ in _SORTED if pattern.search(line.text)), Effect.SETTING_CHANGED
            )
            gone = sign != "sets"
            effect = Effect.NAME_CHANGED if gone and found is Effect.SETTING_CHANGED else found
            yield _done(effect, line, f"{sign} {line.plain[:60]}", sure=0.7 if gone else 0.4)
    for line in diff.removed:
        name = _ENVIRONMENT.search(line.text)
        if name and id(line) not in paired:
            yield Done(
                effect=Effect.NAME_CHANGED,
                path=line.path,
                words=f"no longer reads {name['name']}",
                names=(name["name"],),
            )


def _done(effect: Effect, line: Line, words: str, *, sure: float = 1.0, old: Line | None = None) -> Done:
    values = [match["value"] for one in (old, line) if one and (match := _VALUE.search(one.text))]
    whole = tuple(part for value in values for part in re.findall(r"[\w][\w./:@-]{4,}[\w]", value))
    return Done(effect=effect, path=line.path, words=words, names=(*whole, *names_in(line.text)), sure=sure)
