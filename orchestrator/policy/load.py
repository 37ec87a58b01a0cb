"""Reads a policy: a folder with policy.yaml and Rego files, or a single YAML file, into `incidents.policy.Policy`.

What is wrong is named by file, line and field; a broken policy allows nothing.
"""

import errno
import re
import stat
from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from incidents.canonical import digest_of
from incidents.ids import Digest
from incidents.misfit import misfits, told
from incidents.policy import Effect, Policy, PolicyRule, RegoModule
from orchestrator.policy.lines import Lines, unreadable
from orchestrator.policy.rego import InvalidRegoError, check
from tools.address import objection_to_url

SHIPPED = Path(__file__).resolve().parents[2] / "policy"
"""The folder that comes with Midwatch; it lies beside the packages, in a checkout and when installed."""
FILE_NAME = "policy.yaml"
CASES_NAME = "cases.yaml"
MAIN = "midwatch"
"""The package of the module that comes with Midwatch; a team's own lie below it."""
MOST_BYTES = 1024 * 1024
"""Of one file: a policy is written and read by people."""
TABLES = ("environments", "calendar", "growth", "freezes", "limits", "opa")
"""What may stand beside `rules`."""
_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)", re.MULTILINE)


class InvalidPolicyError(Exception):
    """A policy file cannot be used; the message says where and what to write instead.

    Until then everything is denied.
    """


def load_policy(path: Path | None = None) -> Policy:
    """The policy of a folder or file, or the one that comes with Midwatch. Raises InvalidPolicyError."""
    file = main_file(path)
    return parse_policy(_read(file), source=file.name if path else FILE_NAME, modules=own_modules(_folder(path)))


def bounded(file: Path) -> bytes:
    """What a file of a policy says. Raises OSError; also for what is no file, has no end, or nobody would read."""
    found = file.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    if found.st_size > MOST_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {MOST_BYTES} bytes")
    with file.open("rb") as opened:
        return opened.read(MOST_BYTES)


def main_file(path: Path | None) -> Path:
    """The file with the rows: of the folder, the file itself, or the one that comes with Midwatch."""
    folder = _folder(path)
    own = folder / FILE_NAME if folder else path or SHIPPED / FILE_NAME
    return own if own.exists() or folder is None else SHIPPED / FILE_NAME


def policy_files(path: Path | None) -> tuple[Path, ...]:
    """Everything that a policy is read from, whether it is there or not."""
    return (main_file(path), *sorted(SHIPPED.glob("*.rego")), *_own_files(_folder(path)))


def _folder(path: Path | None) -> Path | None:
    source = path or SHIPPED
    return source if source.is_dir() else None


def parse_policy(text: str, *, source: str, modules: Sequence[RegoModule] = ()) -> Policy:
    """The policy of a text. The version is the digest of its meaning: comments and layout do not change it."""
    lines = _lines(text, source)
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidPolicyError(unreadable(source, error)) from None
    if not isinstance(document, dict) or not isinstance(document.get("rules"), list):
        raise InvalidPolicyError(f"{source}: write one key `rules` with a list of rows")
    if unknown := sorted(str(key) for key in set(document) - {"rules", *TABLES}):
        known = ", ".join(TABLES)
        raise InvalidPolicyError(
            f"{lines.of((unknown[0],))}: {unknown[0]}: nothing else stands beside `rules` than {known}"
        )
    for number, row in enumerate(document["rules"], start=1):
        if not isinstance(row, dict):
            where = lines.of(("rules", number - 1))
            raise InvalidPolicyError(
                f"{where}: rule {number}: write a row with name, actions, effect, approvals and approvers"
            )
    policy = _policy(document, lines=lines, source=source, modules=(*_shipped(), *modules))
    _lint(policy, lines)
    return policy.model_copy(update={"version": _version(policy)})


def own_modules(folder: Path | None) -> tuple[RegoModule, ...]:
    """The Rego files of a team's folder, tests left out. Raises InvalidPolicyError for a package that nobody asks."""
    return tuple(_module(file, below=True) for file in _own_files(folder))


def _own_files(folder: Path | None) -> tuple[Path, ...]:
    """Rego files below a folder. What is hidden is left out: a ConfigMap's older and newer copies lie there."""
    if folder is None or folder.resolve() == SHIPPED:
        return ()
    found = (file for file in sorted(folder.rglob("*.rego")) if not file.stem.endswith("_test"))
    return tuple(file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts))


def _policy(document: object, *, lines: Lines, source: str, modules: tuple[RegoModule, ...]) -> Policy:
    assert isinstance(document, dict)
    given = {key: value for key, value in document.items() if value is not None}
    nothing = Digest("sha256:" + "0" * 64)
    try:
        return Policy.model_validate({**given, "modules": modules, "version": nothing, "source": source})
    except ValidationError as error:
        first = misfits(error)[0]
        at = tuple(part for part in first["loc"] if isinstance(part, int) or part in lines.names)
        raise InvalidPolicyError(f"{lines.of(at)}: {_field(first['loc'])}: {told(first, Policy)}") from None


def _lint(policy: Policy, lines: Lines) -> None:
    """Raise InvalidPolicyError for what can be read and makes no sense."""
    for number, rule in enumerate(policy.rules):
        if problem := _problem(rule):
            raise InvalidPolicyError(f"{lines.of(('rules', number))}: rule {number + 1} ({rule.name}): {problem}")
    for table in ("rules", "calendar", "environments", "growth", "freezes", "limits"):
        names = [row.name for row in getattr(policy, table)]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise InvalidPolicyError(f"{lines.of((table, number))}: {table}: the name {name!r} is there twice")
    _check_windows(policy, lines)
    if policy.opa and (why := _objection_to_server(policy.opa.url)):
        raise InvalidPolicyError(f"{lines.of(('opa', 'url'))}: opa: url: {why}")
    try:
        check(policy)
    except InvalidRegoError as error:
        raise InvalidPolicyError(str(error)) from None


def _objection_to_server(url: str) -> str | None:
    if not url.startswith(("http://", "https://")):
        return "write https://host or http://host:port"
    why = objection_to_url(url)
    return f"{why}: write the address of the OPA server" if why else None


def _check_windows(policy: Policy, lines: Lines) -> None:
    known = {window.name for window in policy.calendar}
    wanted = [("rules", number, rule.windows) for number, rule in enumerate(policy.rules)]
    wanted += [("freezes", number, freeze.during) for number, freeze in enumerate(policy.freezes)]
    for table, number, names in wanted:
        if missing := sorted(set(names) - known):
            there = f"it has {', '.join(sorted(known))}" if known else "it is empty"
            raise InvalidPolicyError(
                f"{lines.of((table, number))}: the calendar has no window {missing[0]!r} ({there}): add it there"
            )


def _problem(rule: PolicyRule) -> str | None:  # noqa: PLR0911 - one line per mistake reads better than one expression
    if rule.until is not None and rule.until.tzinfo is None:
        return "until has no time zone: write it as 2026-12-31T00:00:00Z"
    match rule.effect:
        case Effect.ASK if rule.approvals < 1:
            return (
                "approvals must be at least 1 where the effect is ask; a row that runs without a click is effect: allow"
            )
        case Effect.ASK if not rule.approvers:
            return "approvers is empty: name at least one role"
        case Effect.ALLOW if not rule.actions or rule.everywhere or rule.until is None:
            return "a pre-approval names its actions, its namespaces or clusters, and the time until which it holds"
        case Effect.ALLOW if not rule.signed_by or not rule.reason:
            return "a pre-approval says who answers for it (signed_by: a person's e-mail) and why (reason)"
        case Effect.DENY if rule.max_pods is not None:
            return "a deny with max_pods would let the larger change pass: leave max_pods out, or write effect: ask"
        case _:
            return None


def _version(policy: Policy) -> Digest:
    return digest_of(policy.model_dump(mode="json", exclude={"version", "source"}))


def _shipped() -> tuple[RegoModule, ...]:
    return tuple(_module(file, below=False) for file in sorted(SHIPPED.glob("*.rego")))


def _module(file: Path, *, below: bool) -> RegoModule:
    text = _read(file)
    found = _PACKAGE.search(text)
    package = found[1] if found else ""
    if below and not package.startswith(f"{MAIN}."):
        line = text[: found.start(1)].count("\n") + 1 if found else 1
        wanted = f"{MAIN}.{re.sub(r'[^a-z0-9_]', '_', file.stem.lower())}"
        raise InvalidPolicyError(
            f"{file.name}:{line}: package {package or 'is missing'}: write `package {wanted}`, or nobody asks it"
        )
    return RegoModule(name=file.name, package=package, text=text)


def _lines(text: str, source: str) -> Lines:
    try:
        lines = Lines(text, source=source)
    except yaml.YAMLError as error:
        raise InvalidPolicyError(unreadable(source, error)) from None
    if lines.twice:
        raise InvalidPolicyError(f"{lines.twice}: the key is there twice; the first would be ignored")
    return lines


def _field(location: tuple[int | str, ...]) -> str:
    """`rule 2: effect`; `calendar 1: weekly.0.start`."""
    table, *rest = location
    if rest and isinstance(rest[0], int):
        name = "rule" if table == "rules" else str(table)
        head = f"{name} {rest[0] + 1}"
        return ": ".join([head, ".".join(str(part) for part in rest[1:])]) if rest[1:] else head
    return ".".join(str(part) for part in location)


def _read(file: Path) -> str:
    try:
        return bounded(file).decode()
    except UnicodeDecodeError:
        raise InvalidPolicyError(f"{file} is no text in UTF-8") from None
    except OSError as error:
        raise InvalidPolicyError(f"{file} cannot be read: {error.strerror}") from error
