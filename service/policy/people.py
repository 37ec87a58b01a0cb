"""`midwatch people list|token`."""

import secrets

from rich.console import Console
from rich.table import Table

from orchestrator.people import Directory, hash_of
from orchestrator.people_file import InvalidPeopleError
from orchestrator.settings import load

TOKEN_BYTES = 32


def list_command() -> int:
    """Everybody; 2 when the directory cannot be read."""
    try:
        members = Directory.of(load()).members
    except InvalidPeopleError as error:
        Console(stderr=True).print(str(error), markup=False)
        return 2
    if not members:
        Console().print("Nobody: set MIDWATCH_PEOPLE, or MIDWATCH_DIRECTORY to a people.yaml (docs/policy.md).")
        return 0
    table = Table("name", "id", "roles", "comes in by")
    for member in members:
        doors = [
            *(["token"] * bool(member.token_sha256)),
            *([f"Slack {member.slack}"] if member.slack else []),
            *(["OIDC subject"] if member.oidc_subject else ["OIDC and Slack by e-mail"] if member.email else []),
        ]
        person = member.person()
        table.add_row(person.name, person.id, person.roles_text, ", ".join(doors))
    Console().print(table)
    return 0


def token_command() -> int:
    """A token and its hash."""
    token = "mw-" + secrets.token_urlsafe(TOKEN_BYTES)
    console = Console(soft_wrap=True)
    console.print(f"Give this to the person, it is shown once: {token}", markup=False, highlight=False)
    console.print(f"Write this into people.yaml:               token_sha256: [{hash_of(token)}]", markup=False)
    return 0
