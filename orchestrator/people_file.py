"""Reads people.yaml: who is who, and which roles an identity provider's groups mean. What is wrong is named by line."""

import re
from pathlib import Path

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from incidents.approval import Person
from incidents.ids import PersonId
from incidents.misfit import misfits, told
from incidents.scope import Grant
from incidents.value import Value
from orchestrator.policy.lines import Lines, unreadable

_HASH = re.compile(r"[0-9a-f]{64}")


class InvalidPeopleError(Exception):
    """The file of people cannot be used; the message says where and what to write instead."""


class Roles(Value):
    """Roles that hold everywhere, and roles that hold in a part of the estate."""

    everywhere: tuple[str, ...] = ()
    grants: tuple[Grant, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, given: object) -> object:
        """Accept what people write: `[oncall, {role: owner, services: [checkout]}]`."""
        if not isinstance(given, list | tuple):
            return given
        return {
            "everywhere": tuple(one for one in given if isinstance(one, str)),
            "grants": tuple(one for one in given if not isinstance(one, str)),
        }

    def __add__(self, other: "Roles") -> "Roles":
        """Both together."""
        everywhere = tuple(dict.fromkeys((*self.everywhere, *other.everywhere)))
        return Roles(everywhere=everywhere, grants=tuple(dict.fromkeys((*self.grants, *other.grants))))


class Member(Value):
    """One person, and what each door knows them by."""

    name: str = Field(min_length=1)
    id: str = ""
    """In the ledger; the e-mail address when empty."""
    email: str = ""
    slack: str = ""
    """Slack's user id."""
    oidc_subject: str = ""
    """What the identity provider calls them; their verified e-mail address does as well."""
    token_sha256: tuple[str, ...] = ()
    """SHA-256 of each token that signs them in: `midwatch people token` makes both."""
    roles: Roles = Roles(everywhere=("viewer",))

    @field_validator("token_sha256")
    @classmethod
    def _is_a_hash(cls, hashes: tuple[str, ...]) -> tuple[str, ...]:
        if any(not _HASH.fullmatch(one) for one in hashes):
            message = "write the SHA-256 of the token as 64 hexadecimal digits (`midwatch people token` prints it)"
            raise ValueError(message)
        return hashes

    @model_validator(mode="after")
    def _has_an_id(self) -> "Member":
        if not self.id and not self.email:
            message = f"{self.name} has neither an email nor an id: the ledger needs one"
            raise ValueError(message)
        return self

    def person(self, more: Roles = Roles()) -> Person:  # noqa: B008 - a frozen value
        """Who this is, with the roles of their groups."""
        roles = self.roles + more
        return Person(id=PersonId(self.id or self.email), name=self.name, roles=roles.everywhere, grants=roles.grants)


class PeopleFile(Value):
    """The whole file."""

    people: tuple[Member, ...] = ()
    groups: dict[str, Roles] = {}
    """What the groups of an identity provider mean."""


def read_people(path: Path) -> PeopleFile:
    """Read it. Raises InvalidPeopleError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidPeopleError(f"{path} cannot be read: {error.strerror}") from error
    return parse_people(text, source=path.name)


def parse_people(text: str, *, source: str) -> PeopleFile:
    """The people of a text. Raises InvalidPeopleError."""
    try:
        lines, document = Lines(text, source=source), yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidPeopleError(unreadable(source, error)) from None
    if lines.twice:
        raise InvalidPeopleError(f"{lines.twice}: the key is there twice; the first would be ignored")
    try:
        return PeopleFile.model_validate(document or {})
    except ValidationError as error:
        first = misfits(error)[0]
        path = tuple(part for part in first["loc"] if isinstance(part, int) or part in lines.names)
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InvalidPeopleError(f"{lines.of(path)}: {field}: {told(first, PeopleFile)}") from None
