"""`midwatch serve|worker|executor`: one process until it is told to stop."""

import asyncio
import sys
from collections.abc import Iterator

import structlog

from agents.runbooks.folders import RunbookFolders
from agents.runbooks.problem import Severity
from orchestrator.people import Directory
from orchestrator.people_file import InvalidPeopleError
from orchestrator.policy.load import InvalidPolicyError, load_policy
from orchestrator.settings import InvalidSettingsError, Role, Settings, load
from service.listening import PortTakenError
from service.logs import log_to_stderr
from service.process import serve

log = structlog.get_logger(__name__)


def forewarned(settings: Settings) -> Iterator[str]:
    """What is allowed and hardly meant; `midwatch doctor` says more."""
    if Role.WEB in settings.roles and not (settings.webhook.tokens or settings.webhook.users):
        yield "Nobody may deliver alerts: set MIDWATCH_WEBHOOK__TOKENS (docs/connecting.md)"
    if Role.WEB in settings.roles and not (settings.people or settings.directory or settings.oidc.issuer):
        yield "Nobody can sign in or approve: set MIDWATCH_PEOPLE or MIDWATCH_DIRECTORY (docs/connecting.md)"
    if not settings.clusters:
        yield "No cluster is connected: investigations see nothing but the alerts (docs/connecting.md)"
    folders = RunbookFolders(settings.runbooks)
    folders.library()
    yield from (str(problem) for problem in folders.problems if problem.severity is Severity.ERROR)


def run(role: str = "") -> int:
    """Run with the settings' roles, or with one. 0 after a signal, 2 when settings, policy or people cannot be used."""
    try:
        settings = load(roles=(Role(role),)) if role else load()
        load_policy(settings.policy)
        Directory.of(settings)
    except (InvalidSettingsError, InvalidPolicyError, InvalidPeopleError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    log_to_stderr(settings.log_level)
    for warning in forewarned(settings):
        log.warning(warning, action="settings")
    try:
        asyncio.run(serve(settings))
    except PortTakenError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0
