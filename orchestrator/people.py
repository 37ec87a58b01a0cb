"""The one directory of people: who they are through every door, and which roles they have where.

Entries come from the setting `people` and from a file (`directory`, people.yaml) that is read again when it changes.
Somebody who comes through Slack, OIDC or with a token is the same person, with the same id in the ledger.
"""

import hashlib
import hmac
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from incidents.approval import Person
from incidents.value import Value
from orchestrator.people_file import InvalidPeopleError, Member, PeopleFile, Roles, read_people
from orchestrator.settings import Settings, Token

logger = logging.getLogger(__name__)

OF_ONE = ("name", "id", "email", "slack", "oidc_subject")
"""What belongs to one person only."""


class Claims(Value):
    """What an identity provider vouches for."""

    subject: str
    email: str = ""
    """Empty unless the provider says that it is verified."""
    name: str = ""
    groups: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Directory:
    """Everybody. Reads its file when that has changed; a broken file leaves the people as they were, and is logged."""

    tokens: Sequence[Token] = ()
    file: Path | None = None
    _read: PeopleFile = field(default_factory=PeopleFile)
    _stamp: tuple[int, int] | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Directory":
        """The directory of the settings. Raises InvalidPeopleError when its file cannot be used at the start."""
        made = cls(tokens=settings.people, file=settings.directory)
        if made.file is not None:
            made._read, made._stamp = _checked(read_people(made.file), made._own()), _stamp(made.file)
        return made

    @property
    def members(self) -> tuple[Member, ...]:
        """Everybody as of now."""
        return (*self._own(), *self._current().people)

    def by_token(self, token: str) -> Member | None:
        """Whose token this is. All are compared, so that the time taken says nothing."""
        sent = hash_of(token)
        found = [member for member in self.members for one in member.token_sha256 if hmac.compare_digest(one, sent)]
        return found[0] if found and token else None

    def by_slack(self, user: str, *, email: str = "") -> Person | None:
        """The person behind a Slack user id; by the e-mail address of the profile when nobody names the id."""
        found = self._one(lambda member: bool(user) and member.slack == user)
        found = found or self._one(lambda member: bool(email) and not member.slack and _same(member.email, email))
        return found.person() if found else None

    def by_name(self, name: str) -> Member | None:
        """Who is called that in the directory."""
        return self._one(lambda member: member.name == name)

    def by_claims(self, claims: Claims) -> Person | None:
        """The person that an identity provider vouches for: by subject, by verified e-mail, or by groups alone."""
        roles = self._roles_of(claims.groups)
        found = self._one(lambda member: bool(claims.subject) and member.oidc_subject == claims.subject)
        found = found or self._one(
            lambda member: bool(claims.email) and not member.oidc_subject and _same(member.email, claims.email)
        )
        if found is not None:
            return found.person(roles)
        if not claims.email or not (roles.everywhere or roles.grants):
            return None
        stranger = Member(name=claims.name or claims.email, email=claims.email, roles=Roles())
        return stranger.person(roles)

    def _roles_of(self, groups: Iterable[str]) -> Roles:
        known, roles = self._current().groups, Roles()
        for group in groups:
            roles += known.get(group, Roles())
        return roles

    def _one(self, wanted: Callable[[Member], bool]) -> Member | None:
        return next((member for member in self.members if wanted(member)), None)

    def _own(self) -> tuple[Member, ...]:
        return tuple(_of_token(token) for token in self.tokens)

    def _current(self) -> PeopleFile:
        if self.file is None or (stamp := _stamp(self.file)) == self._stamp:
            return self._read
        self._stamp = stamp
        try:
            self._read = _checked(read_people(self.file), self._own())
        except InvalidPeopleError as error:
            logger.error("The people stay as they were: %s", error, extra={"action": "people_invalid"})  # noqa: TRY400 - the message says it all
        return self._read


def hash_of(token: str) -> str:
    """How a token stands in the directory: it cannot be used by who reads it there."""
    return hashlib.sha256(token.encode()).hexdigest()


def _of_token(token: Token) -> Member:
    return Member(
        name=token.name,
        id=token.person.id,
        email=token.email,
        token_sha256=(hash_of(token.token.get_secret_value()),),
        roles=Roles(everywhere=token.roles),
    )


def _checked(found: PeopleFile, own: Sequence[Member]) -> PeopleFile:
    """Raise InvalidPeopleError when two people share what belongs to one."""
    everybody = [*own, *found.people]
    for name in OF_ONE:
        values = [str(value).casefold() for member in everybody if (value := getattr(member, name))]
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise InvalidPeopleError(f"{name} {twice[0]} belongs to two people: give each their own")
    hashes = [one for member in everybody for one in member.token_sha256]
    if len(set(hashes)) < len(hashes):
        raise InvalidPeopleError("two people have the same token: make one for each (`midwatch people token`)")
    return found


def _same(one: str, other: str) -> bool:
    """Whether two addresses are one, whatever the case of their ASCII letters.

    Nothing else is folded: U+212A is a sign of its own that lower case makes a `k`, and somebody else's address.
    """
    return _ascii_lower(one.strip()) == _ascii_lower(other.strip())


def _ascii_lower(text: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in text)


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
