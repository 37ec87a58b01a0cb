"""Ed25519 keys that sign heads of the ledger: made, kept, changed and trusted. Private keys never leave their file.

A key lies outside the database on purpose. Whoever can write the database cannot sign; whoever holds the key cannot
rewrite the database unseen by heads that were exported before.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import ValidationError

from incidents.heads import Head, PublicKey, SignedHead, Trust
from incidents.ids import KeyId

PRIVATE = 0o600
FOLDER = 0o700
READABLE_BY_OTHERS = 0o077
RAW_BYTES = 32
"""Length of an Ed25519 public key (RFC 8032, section 5.1.5)."""
NOT_KNOWN = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when a bare key signs."""


class UnusableKeyError(Exception):
    """A key cannot be used; the message names the file and says what is wrong with it."""


def key_id(raw: bytes) -> KeyId:
    """The id of a raw public key."""
    return KeyId("ed25519:" + hashlib.sha256(raw).hexdigest()[:16])


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A private key with its public half."""

    private: Ed25519PrivateKey
    public: PublicKey

    def sign(self, data: bytes) -> str:
        """Base64 of the signature."""
        return base64.b64encode(self.private.sign(data)).decode()

    def sign_head(self, head: Head) -> SignedHead:
        """The head, signed."""
        unsigned = SignedHead(head=head, key=self.public.id, signature="")
        return unsigned.model_copy(update={"signature": self.sign(unsigned.signed_bytes)})


@dataclass(frozen=True, kw_only=True)
class KeyFiles:
    """The private key's file, and beside it the folder of public keys, old ones too."""

    private: Path

    @property
    def public(self) -> Path:
        """One JSON file for every key that ever signed here."""
        return self.private.parent / "keys"

    def load_or_create(self, now: datetime) -> SigningKey:
        """The key, made when there is none yet. Raises UnusableKeyError."""
        if not self.private.exists():
            made = _made(now)
            with suppress(FileExistsError):  # another process of this machine was quicker: its key is the key
                self._write(made, exclusive=True)
        return self.load(now)

    def load(self, now: datetime) -> SigningKey:
        """The key. Raises UnusableKeyError when there is none, or when others can read it."""
        try:
            if self.private.stat().st_mode & READABLE_BY_OTHERS and _owned(self.private):
                raise UnusableKeyError(f"{self.private} can be read by others: chmod 600 {self.private}")
            private = load_pem_private_key(self.private.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise UnusableKeyError(f"{self.private} cannot be used as a signing key: {error}") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise UnusableKeyError(f"{self.private} is no Ed25519 key: openssl genpkey -algorithm ed25519 makes one")
        return SigningKey(private=private, public=self._noted(private, now))

    def rotate(self, now: datetime) -> SigningKey:
        """Make a new key that the old one vouches for. The old private key is gone then, its public key is kept."""
        old, made = self.load(now), _made(now)
        named = made.public.model_copy(update={"previous": old.public.id})
        endorsed = named.model_copy(update={"endorsement": old.sign(named.endorsed_bytes)})
        new = SigningKey(private=made.private, public=endorsed)
        self._note(old.public)
        self._write(new, exclusive=False)
        return new

    def known(self) -> tuple[PublicKey, ...]:
        """Every key that ever signed here."""
        found = sorted(self.public.glob("*.json")) if self.public.is_dir() else []
        return tuple(read_public_key(path) for path in found)

    def _noted(self, private: Ed25519PrivateKey, now: datetime) -> PublicKey:
        """What is noted of a key; a key that somebody brought is noted now."""
        raw = private.public_key().public_bytes_raw()
        path = self._path(key_id(raw))
        if path.is_file():
            return read_public_key(path)
        public = PublicKey(id=key_id(raw), key=base64.b64encode(raw).decode(), at=now)
        self._note(public)
        return public

    def _note(self, public: PublicKey) -> None:
        """Write it beside the private key. Where that is not allowed (a mounted secret), the ledger still names it."""
        try:
            self.public.mkdir(mode=FOLDER, parents=True, exist_ok=True)
            self._path(public.id).write_text(public.model_dump_json(indent=2) + "\n", encoding="utf-8")
        except OSError:
            return

    def _path(self, key: KeyId) -> Path:
        return self.public / f"{key.replace(':', '-')}.json"

    def _write(self, key: SigningKey, *, exclusive: bool) -> None:
        self.private.parent.mkdir(mode=FOLDER, parents=True, exist_ok=True)
        pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        draft = self.private.with_name(f".{self.private.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            if exclusive:
                os.link(draft, self.private)
                draft.unlink()
            else:
                draft.replace(self.private)
        finally:
            draft.unlink(missing_ok=True)
        self._note(key.public)


def _made(now: datetime) -> SigningKey:
    private = Ed25519PrivateKey.generate()
    raw = private.public_key().public_bytes_raw()
    return SigningKey(private=private, public=PublicKey(id=key_id(raw), key=base64.b64encode(raw).decode(), at=now))


def _owned(path: Path) -> bool:
    """Whether the mode is ours to mend: a mounted secret belongs to somebody else and is guarded by its mount."""
    return path.stat().st_uid == os.geteuid()


def read_public_key(path: Path) -> PublicKey:
    """A public key from a file: as Midwatch notes it (JSON), as PEM, or as base64. Raises UnusableKeyError."""
    try:
        raw = path.read_bytes()
        if raw.lstrip().startswith(b"{"):
            public = PublicKey.model_validate_json(raw)
            if public.id != key_id(base64.b64decode(public.key, validate=True)):
                raise UnusableKeyError(f"{path}: its id is not that of its key")
            return public
        if b"BEGIN PUBLIC KEY" in raw:
            loaded = load_pem_public_key(raw)
            if not isinstance(loaded, Ed25519PublicKey):
                raise UnusableKeyError(f"{path} is no Ed25519 key")
            return _public(loaded.public_bytes_raw(), NOT_KNOWN)
        return _public(base64.b64decode(raw.strip(), validate=True), NOT_KNOWN)
    except (OSError, ValueError, ValidationError, binascii.Error) as error:
        raise UnusableKeyError(f"{path} is no public key: {error}") from error


def public_key_of(text: str) -> PublicKey:
    """A public key as people give it: base64 of its 32 bytes, or the path of a file. Raises UnusableKeyError."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return read_public_key(Path(text).expanduser())
    return _public(raw, NOT_KNOWN) if len(raw) == RAW_BYTES else read_public_key(Path(text))


def _public(raw: bytes, at: datetime) -> PublicKey:
    Ed25519PublicKey.from_public_bytes(raw)
    return PublicKey(id=key_id(raw), key=base64.b64encode(raw).decode(), at=at)


class Keyring:
    """Public keys, and how well each is founded."""

    def __init__(self, *, given: Iterable[PublicKey] = (), named: Iterable[PublicKey] = ()) -> None:
        """`given` are trusted; of those that the ledger itself names, the ones that a trusted key vouches for."""
        self._keys: dict[KeyId, PublicKey] = {}
        self._trusted: set[KeyId] = set()
        for key in given:
            self._keys[key.id] = key
            self._trusted.add(key.id)
        for key in named:
            self._name(key)

    @property
    def trusts_somebody(self) -> bool:
        """Whether any key was given."""
        return bool(self._trusted)

    @property
    def trusted(self) -> tuple[PublicKey, ...]:
        """The keys that count."""
        return tuple(self._keys[key] for key in sorted(self._trusted))

    def with_named(self, named: Iterable[PublicKey]) -> Self:
        """The same with keys that a ledger names."""
        return type(self)(given=self.trusted, named=named)

    def trust(self, signed: SignedHead) -> Trust:
        """How well the signature of a head is founded."""
        key = self._keys.get(signed.key)
        if key is None:
            return Trust.UNKNOWN
        if not valid(key, signed.signature, signed.signed_bytes):
            return Trust.INVALID
        return Trust.TRUSTED if key.id in self._trusted else Trust.SELF_NAMED

    def find(self, key: KeyId) -> PublicKey | None:
        """A key by its id, when it is trusted."""
        return self._keys[key] if key in self._trusted else None

    def _name(self, key: PublicKey) -> None:
        try:
            honest = key.id == key_id(base64.b64decode(key.key, validate=True))
        except (ValueError, binascii.Error):
            return
        if not honest or key.id in self._keys:
            return
        self._keys[key.id] = key
        before = self._keys.get(key.previous) if key.previous in self._trusted else None
        if before is not None and valid(before, key.endorsement, key.endorsed_bytes):
            self._trusted.add(key.id)


def valid(key: PublicKey, signature: str, data: bytes) -> bool:
    """Whether the signature over these bytes is that of the key."""
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.key, validate=True))
        public.verify(base64.b64decode(signature, validate=True), data)
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True
