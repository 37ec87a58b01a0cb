"""Who is asking: tokens, signed session cookies, CSRF tokens, one-time codes. Roles always come from the directory.

A cookie names a person and a digest of their tokens, or what an identity provider vouched for when they signed in:
a token that is taken away, or a person who is, ends the sessions.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from itsdangerous import BadSignature, URLSafeTimedSerializer

from incidents.approval import Person
from incidents.value import Value
from orchestrator.people import Claims, Directory
from orchestrator.people_file import Member
from orchestrator.settings import Token

SESSION_SECONDS = 12 * 3600
"""A shift: after that people sign in again."""
CODE_SECONDS = 600
"""How long a printed sign-in link works."""


class Session(Value):
    """A signed-in person."""

    person: Person
    csrf: str
    """Every form of this session carries it."""


class Link(Value):
    """A printed link that is good, if nobody used it before."""

    person: Person
    key: str
    """Names its use, on all replicas together; from it nobody can make the code."""


class _Claim(Value):
    """What a cookie or a code says once its signature is checked."""

    id: str = ""
    """Of a person of the directory."""
    token: str = ""
    """Digest of the tokens that they had."""
    claims: Claims | None = None
    """What the identity provider vouched for, of somebody who came from there."""
    nonce: str


@dataclass(kw_only=True)
class Identities:
    """The people of the directory, and what they are handed to prove who they are."""

    people: Sequence[Token] = ()
    """Of the settings; they are the whole directory when none is given."""
    secret: str
    directory: Directory = field(default_factory=Directory)

    def __post_init__(self) -> None:
        """A directory of the settings' people."""
        if self.people and not self.directory.tokens:
            self.directory = Directory(tokens=self.people)

    def by_token(self, token: str) -> Person | None:
        """Whose token this is; None for nobody's."""
        found = self.directory.by_token(token)
        return found.person() if found else None

    def cookie(self, person: Person) -> str:
        """The value of a new session's cookie."""
        return self._sessions.dumps(self._claim(person).model_dump())

    def cookie_for(self, claims: Claims) -> str | None:
        """The same for somebody whom the identity provider vouches for; None when nobody here knows them."""
        if self.directory.by_claims(claims) is None:
            return None
        return self._sessions.dumps(_Claim(claims=claims, nonce=secrets.token_hex(8)).model_dump())

    def session(self, cookie: str) -> Session | None:
        """The session of a cookie; None when it is forged, old, or its person has no such token any more."""
        claim = _read(self._sessions, cookie, seconds=SESSION_SECONDS)
        person = self._person(claim) if claim else None
        return Session(person=person, csrf=self.csrf(cookie)) if person else None

    def csrf(self, cookie: str) -> str:
        """The token that forms of this session carry."""
        return hmac.new(self.secret.encode(), b"csrf:" + cookie.encode(), hashlib.sha256).hexdigest()

    def one_time_code(self, person: Person) -> str:
        """A code that signs this person in once. Raises ValueError for somebody who is not in the settings."""
        return self._codes.dumps(self._claim(person).model_dump())

    def link(self, code: str) -> "Link | None":
        """What a code stands for; None when it is forged, old, or its person is gone. Says nothing of its use."""
        claim = _read(self._codes, code, seconds=CODE_SECONDS)
        person = self._person(claim) if claim else None
        if claim is None or person is None:
            return None
        return Link(person=person, key="link:" + hashlib.sha256(claim.nonce.encode()).hexdigest())

    def _claim(self, person: Person) -> _Claim:
        member = self._member(person.id)
        if member is None:
            raise ValueError(f"{person.name} is not among the people of the settings")
        return _Claim(id=person.id, token=_tokens(member), nonce=secrets.token_hex(8))

    def _person(self, claim: _Claim) -> Person | None:
        if claim.claims is not None:
            return self.directory.by_claims(claim.claims)
        member = self._member(claim.id)
        good = member is not None and hmac.compare_digest(_tokens(member), claim.token)
        return member.person() if member and good else None

    def _member(self, id_: str) -> Member | None:
        return next((member for member in self.directory.members if member.person().id == id_), None)

    @property
    def _sessions(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.secret, salt="midwatch-session")

    @property
    def _codes(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.secret, salt="midwatch-code")


def _tokens(member: Member) -> str:
    return hashlib.sha256(" ".join(member.token_sha256).encode()).hexdigest()[:32]


def _read(serializer: URLSafeTimedSerializer, text: str, *, seconds: int) -> _Claim | None:
    try:
        return _Claim.model_validate(serializer.loads(text, max_age=seconds))
    except (BadSignature, ValueError):
        return None
