"""Who is asking: tokens, signed session cookies, CSRF tokens, one-time codes. Roles always come from the settings.

A cookie names a person and a digest of their token, nothing more: a token that is taken away ends its sessions.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from itsdangerous import BadSignature, URLSafeTimedSerializer

from incidents.approval import Person
from incidents.value import Value
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


class _Claim(Value):
    """What a cookie or a code says once its signature is checked."""

    name: str
    token: str
    """Digest of the token that it stands for."""
    nonce: str


@dataclass(kw_only=True)
class Identities:
    """The people of the settings, and what they are handed to prove who they are."""

    people: Sequence[Token]
    secret: str
    _used: dict[str, float] = field(default_factory=dict)
    """Nonces of codes that were redeemed, with the wall-clock time until which they would have been good."""

    def by_token(self, token: str) -> Person | None:
        """Whose token this is; None for nobody's. All tokens are compared, so that the time taken says nothing."""
        sent = _digest(token)
        found = [p.person for p in self.people if hmac.compare_digest(_digest(p.token.get_secret_value()), sent)]
        return found[0] if found else None

    def cookie(self, person: Person) -> str:
        """The value of a new session's cookie."""
        return self._sessions.dumps(self._claim(person).model_dump())

    def session(self, cookie: str) -> Session | None:
        """The session of a cookie; None when it is forged, old, or its token is no longer good."""
        claim = _read(self._sessions, cookie, seconds=SESSION_SECONDS)
        person = self._person(claim) if claim else None
        return Session(person=person, csrf=self.csrf(cookie)) if person else None

    def csrf(self, cookie: str) -> str:
        """The token that forms of this session carry."""
        return hmac.new(self.secret.encode(), b"csrf:" + cookie.encode(), hashlib.sha256).hexdigest()

    def one_time_code(self, person: Person) -> str:
        """A code that signs this person in once. Raises ValueError for somebody who is not in the settings."""
        return self._codes.dumps(self._claim(person).model_dump())

    def holder(self, code: str) -> Person | None:
        """Who a code would sign in, without using it up."""
        claim = _read(self._codes, code, seconds=CODE_SECONDS)
        return None if claim is None or claim.nonce in self._used else self._person(claim)

    def redeem(self, code: str) -> Person | None:
        """Who the code signs in; None when it is forged, old, or was used."""
        person = self.holder(code)
        claim = _read(self._codes, code, seconds=CODE_SECONDS)
        if person is None or claim is None:
            return None
        now = time.time()
        self._used = {nonce: until for nonce, until in self._used.items() if until > now}
        self._used[claim.nonce] = now + CODE_SECONDS
        return person

    def _claim(self, person: Person) -> _Claim:
        token = next((p for p in self.people if p.person == person), None)
        if token is None:
            raise ValueError(f"{person.name} is not among the people of the settings")
        digest = _digest(token.token.get_secret_value()).hex()[:32]
        return _Claim(name=token.name, token=digest, nonce=secrets.token_hex(8))

    def _person(self, claim: _Claim) -> Person | None:
        token = next((p for p in self.people if p.name == claim.name), None)
        good = token is not None and _digest(token.token.get_secret_value()).hex()[:32] == claim.token
        return token.person if token and good else None

    @property
    def _sessions(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.secret, salt="midwatch-session")

    @property
    def _codes(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.secret, salt="midwatch-code")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _read(serializer: URLSafeTimedSerializer, text: str, *, seconds: int) -> _Claim | None:
    try:
        return _Claim.model_validate(serializer.loads(text, max_age=seconds))
    except (BadSignature, ValueError):
        return None
