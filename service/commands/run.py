"""`midwatch serve|worker|executor`: one process until it is told to stop."""

import asyncio
import sys

from orchestrator.people import Directory
from orchestrator.people_file import InvalidPeopleError
from orchestrator.policy.load import InvalidPolicyError, load_policy
from orchestrator.settings import InvalidSettingsError, Role, load
from service.listening import PortTakenError
from service.logs import log_to_stderr
from service.process import serve


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
    try:
        asyncio.run(serve(settings))
    except PortTakenError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0
