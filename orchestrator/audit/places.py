"""Where keys and heads lie outside the database, by the settings."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import make_url

from incidents.canonical import digest_of, short
from incidents.heads import SignedHead
from orchestrator.audit.keys import KeyFiles, Keyring, public_key_of
from orchestrator.settings import Settings


class UnreadableHeadsError(Exception):
    """A file of signed heads cannot be read; the message names file and line."""


def key_files(settings: Settings) -> KeyFiles:
    """The signing key and the public keys beside it."""
    return KeyFiles(private=settings.audit.key or settings.data_dir / "audit" / "signing.pem")


def keyring(settings: Settings, *, given: Sequence[str] = ()) -> Keyring:
    """The keys that count: those given (base64 or paths), else those of the settings and of the data folder.

    Raises UnusableKeyError.
    """
    if given:
        return Keyring(given=[public_key_of(text) for text in given])
    named = [public_key_of(text) for text in settings.audit.public_keys]
    return Keyring(given=(*named, *key_files(settings).known()))


def heads_file(settings: Settings, url: str) -> Path:
    """Where this machine keeps the heads of one database: named by its address, so that two are never mixed up."""
    parsed = make_url(url)
    name = short(digest_of(f"{parsed.host} {parsed.port} {parsed.query.get('host')} {parsed.database}".encode()))
    return settings.data_dir / "audit" / f"heads-{name}.jsonl"


def read_heads(path: Path) -> tuple[SignedHead, ...]:
    """The heads of a file, one JSON object per line. Raises UnreadableHeadsError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableHeadsError(f"{path} cannot be read: {error}") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            found.append(_head(line, where=f"{path}:{number}"))
    return tuple(found)


def _head(line: str, *, where: str) -> SignedHead:
    try:
        return SignedHead.model_validate_json(line)
    except ValidationError as error:
        raise UnreadableHeadsError(f"{where} is no signed head: {error.errors()[0]['msg']}") from error
