"""The directory: one person through every door, read again when the file changes, and what is wrong named by line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from incidents.scope import Grant
from orchestrator.people import Claims, Directory, hash_of
from orchestrator.people_file import InvalidPeopleError, parse_people
from orchestrator.settings import Settings, Token

TOKEN = "a-token-of-sixteen-characters"
FILE = f"""
people:
  - name: Ada
    email: ada@example.com
    slack: U1
    token_sha256: [{hash_of(TOKEN)}]
    roles: [oncall, {{role: owner, services: [checkout]}}]
  - {{name: Bob, email: Bob@Example.com, roles: [viewer]}}
  - {{name: Mira, id: "mira", oidc_subject: u-7, email: mira@example.com}}
groups:
  sre: [oncall]
"""
DANA = Token.model_validate(
    {"name": "dana", "email": "dana@example.com", "token": "0123456789abcdef", "roles": ["oncall"]}
)


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    (tmp_path / "people.yaml").write_text(FILE)
    return Directory(tokens=(DANA,), file=tmp_path / "people.yaml")


def test_one_person_through_every_door(directory: Directory) -> None:
    by_token = directory.by_token(TOKEN)
    assert by_token is not None
    ada = by_token.person()
    assert directory.by_slack("U1") == ada
    assert directory.by_claims(Claims(subject="x", email="ADA@example.com")) == ada
    assert (ada.id, ada.roles, ada.grants) == (
        "ada@example.com", ("oncall",), (Grant(role="owner", services=("checkout",)),)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("user", "email", "name"),
    [
        pytest.param("U1", "bob@example.com", "Ada", id="the user id counts before the address"),
        pytest.param("U2", "bob@example.com", "Bob", id="the address of the profile when nobody names the id"),
        pytest.param("U2", "ada@example.com", None, id="somebody else's Slack account with Ada's address is not Ada"),
        pytest.param("U2", "dana@example.com", "dana", id="the people of the settings too"),
        pytest.param("U2", "", None, id="nobody"),
        pytest.param("", "", None, id="nothing"),
    ],
)
def test_who_somebody_in_slack_is(directory: Directory, user: str, email: str, name: str | None) -> None:
    found = directory.by_slack(user, email=email)
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("claims", "id_"),
    [
        pytest.param(Claims(subject="u-7", email="new@example.com"), "mira", id="by subject"),
        pytest.param(Claims(subject="u-8", email="mira@example.com"), None, id="another subject with Mira's address"),
        pytest.param(Claims(subject="u-9", email="bob@example.com"), "Bob@Example.com", id="by address"),
        pytest.param(Claims(subject="u-9", email="", groups=("sre",)), None, id="a group and no verified address"),
        pytest.param(Claims(subject="u-9", email="new@example.com", groups=("sre",)), "new@example.com", id="by group"),
        pytest.param(Claims(subject="u-9", email="new@example.com", groups=("all",)), None, id="a group of no meaning"),
    ],
)
def test_whom_a_provider_vouches_for(directory: Directory, claims: Claims, id_: str | None) -> None:
    found = directory.by_claims(claims)
    assert (found.id if found else None) == id_


def test_the_file_is_read_again_and_a_broken_one_changes_nothing(
    directory: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    assert directory.file is not None
    assert directory.by_slack("U1") is not None
    directory.file.write_text(FILE.replace("slack: U1", "slack: U3 "))
    assert directory.by_slack("U1") is None
    directory.file.write_text("people: [{")
    os.utime(directory.file, ns=(1, 1))
    assert directory.by_slack("U3") is not None
    assert "The people stay as they were" in caplog.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("people:\n  - {name: Ada}\n", r"people.yaml:2: people.0: Ada has neither an email nor an id", id="no id"),
        pytest.param("people:\n  - name: Ada\n    email: a@b\n    rolls: [oncall]\n", r"people.yaml:4: people.0.rolls", id="a misspelt field"),
        pytest.param("people:\n  - name: Ada\n    email: a@b\n    roles: [{rolle: owner}]\n", r"people.yaml:4", id="a misspelt role"),
        pytest.param("people:\n  - name: Ada\n    email: a@b\n    token_sha256: [plain]\n", r"people.yaml:4: .*64 hexadecimal digits", id="a token in the clear"),
        pytest.param("people: [", "is no YAML", id="no YAML"),
        pytest.param("people: []\npeople: []\n", r"people.yaml:2: people: the key is there twice", id="a key twice"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_line(text: str, said: str) -> None:
    with pytest.raises(InvalidPeopleError, match=said):
        parse_people(text, source="people.yaml")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param(
            "  - {name: Eve, email: ADA@example.com}\n", "email ada@example.com belongs to two", id="an address"
        ),
        pytest.param("  - {name: Eve, email: e@x, slack: U1}\n", "slack u1 belongs to two", id="a Slack user"),
        pytest.param("  - {name: dana, email: e@x}\n", "name dana belongs to two", id="a name of the settings"),
        pytest.param(f"  - {{name: Eve, email: e@x, token_sha256: [{hash_of(TOKEN)}]}}\n", "same token", id="a token"),
    ],
)
def test_what_belongs_to_one_person(directory: Directory, more: str, said: str) -> None:
    assert directory.file is not None
    directory.file.write_text(FILE.replace("groups:", more + "groups:"))
    with pytest.raises(InvalidPeopleError, match=said):
        Directory.of(Settings(people=(DANA,), directory=directory.file))
