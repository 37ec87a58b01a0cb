"""`midwatch runbooks ...`."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from agents.detector import vocabulary
from agents.runbooks.commands import Shown, lint_command, list_command, match_command, new_command
from agents.runbooks.folders import SHIPPED, RunbookFolders
from agents.runbooks.lint import Known
from agents.runbooks.words import actions_command, facts_command
from incidents.cause import Scope
from orchestrator.executor.catalogue import cards
from orchestrator.settings import load


def lint(folders: Sequence[Path] | None, *, strict: bool) -> int:
    """Lint the folders; 1 when something is wrong."""
    return _print(lint_command(_folders(folders), known=_known(), warnings_fail=strict))


def show(folders: Sequence[Path] | None) -> int:
    """List the runbooks."""
    return _print(list_command(_folders(folders).library()))


def match(alerts: Sequence[str], *, urls: Sequence[str], facts: Sequence[str]) -> int:
    """Match; 1 when nothing does."""
    return _print(match_command(_folders(None).library(), alerts=alerts, urls=urls, facts=facts))


def facts(word: str) -> int:
    """What runbooks may say of what is seen; 1 when nothing speaks of the word."""
    return _print(facts_command(_known(), word=word))


def actions(word: str) -> int:
    """What runbooks may propose; 1 when nothing speaks of the word."""
    return _print(actions_command(_known(), word=word))


def new(title: str, *, folder: Path, slug: str, scope: str, alerts: Sequence[str]) -> int:
    """Write a draft; 1 when the file is there already, 2 for a scope that does not exist."""
    if scope not in set(Scope):
        Console(stderr=True).print(f"{scope!r} is no scope: write one of {', '.join(Scope)}")
        return 2
    return _print(new_command(folder, title=title, slug=slug, scope=Scope(scope), alerts=alerts))


def _known() -> Known:
    return Known.of(vocabulary(), cards().values())


def _folders(folders: Sequence[Path] | None) -> RunbookFolders:
    return RunbookFolders(tuple(folders)) if folders else RunbookFolders((SHIPPED, *load().runbooks))


def _print(shown: Shown) -> int:
    Console().print(shown.body)
    return shown.exit_code
