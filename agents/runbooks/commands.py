"""What `midwatch runbooks lint|list|match|new` show, as renderables. Printing and options are the command line's."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from agents.runbooks.folders import RunbookFolders
from agents.runbooks.grammar import write_alternative
from agents.runbooks.library import Library
from agents.runbooks.lint import Known, lint
from agents.runbooks.matching import match_names
from agents.runbooks.problem import Problem, Severity
from agents.runbooks.template import draft
from incidents.cause import Scope
from incidents.ids import FactKind

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow"}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a command prints, and its exit code."""

    body: RenderableType
    exit_code: int = 0


def lint_command(folders: RunbookFolders, *, known: Known, warnings_fail: bool = False) -> Shown:
    """Every problem with file, line and what to write instead. Exit code 1 when there is an error."""
    library = folders.library()
    problems = sorted([*folders.problems, *lint(library, known=known)], key=lambda p: (p.path, p.line))
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    failed = errors or (warnings_fail and problems)
    warnings = len(problems) - errors
    counts = ", ".join(
        _counted(number, word)
        for number, word in ((len(library.runbooks), "runbook"), (errors, "error"), (warnings, "warning"))
    )
    summary = Text(counts, style="bold red" if failed else "bold green")
    return Shown(body=Group(*map(_problem_line, problems), summary), exit_code=1 if failed else 0)


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _problem_line(problem: Problem) -> Text:
    line = Text(f"{problem.path}:{problem.line}: ", style="bold", no_wrap=False)
    line.append(f"{problem.severity}: ", style=STYLES[problem.severity])
    line.append(f"{problem.field}: {problem.message}" if problem.field else problem.message, style="not bold")
    if problem.instead:
        line.append(f"\n    {problem.instead}", style="not bold cyan")
    return line


def list_command(library: Library) -> Shown:
    """All runbooks: what each teaches, for which alerts, and what repairs it."""
    table = Table(title="Runbooks", title_justify="left")
    for name in ("runbook", "cause", "scope", "alerts", "actions"):
        table.add_column(name, overflow="fold")
    for runbook in library.runbooks:
        cause = runbook.cause
        table.add_row(
            runbook.slug,
            cause.slug if cause else Text("no front matter: shown, argues nothing", style="dim"),
            cause.scope if cause else "",
            ", ".join(runbook.alerts),
            ", ".join(hint.kind for hint in cause.actions) or "people only" if cause else "",
        )
    taught = f"{_counted(len(library.runbooks), 'runbook')}, {_counted(len(library.causes), 'cause')}"
    summary = Text(taught)
    return Shown(body=Group(table, summary))


def match_command(
    library: Library, *, alerts: Sequence[str] = (), urls: Sequence[str] = (), facts: Iterable[str] = ()
) -> Shown:
    """Runbooks that belong to alert names, links or facts, best first. Exit code 1 when none does."""
    found = match_names(library, names=alerts, urls=urls, facts=[FactKind(fact) for fact in facts])
    if not found:
        asked = ", ".join([*alerts, *urls, *facts])
        if not asked:
            return Shown(body=Text("Say what to match: names of alerts, --url or --fact."), exit_code=2)
        return Shown(body=Text(f"No runbook belongs to {asked}. `midwatch runbooks new` starts one."), exit_code=1)
    table = Table("runbook", "title", "because", "needs")
    for m in found:
        needs = "; ".join(write_alternative(line) for line in m.runbook.cause.must) if m.runbook.cause else ""
        table.add_row(m.runbook.slug, m.runbook.title, m.because, needs)
    return Shown(body=table)


def _slug(words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def new_command(
    folder: Path, *, title: str, slug: str = "", scope: Scope = Scope.WORKLOAD, alerts: Sequence[str] = ()
) -> Shown:
    """Write a first draft. Exit code 1 when the file is there, 2 for a slug that is none; then nothing is written."""
    name = slug or _slug(title)
    if not name or name != _slug(name):
        better = _slug(name) or "pool-full"
        said = (
            f"{name or title!r} is no name for a file here: small letters, digits and dashes (--slug), such as {better}"
        )
        return Shown(body=Text(said, style="red"), exit_code=2)
    path = folder / f"{name}.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(draft(slug=name, title=title, scope=scope, alerts=tuple(alerts)))
    except FileExistsError:
        return Shown(body=Text(f"{path} is already there: edit it, or give another --slug.", style="red"), exit_code=1)
    return Shown(body=Text(f"Wrote {path}. Fill it in, then run `midwatch runbooks lint {folder}`."))
