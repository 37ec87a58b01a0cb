"""An evidence pack as three files: JSON for machines, a page for people, and a signed manifest with their digests."""

from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ValidationError

from incidents.canonical import canonical, digest_of
from incidents.heads import MANIFEST_PURPOSE, PublicKey, SignedHead, Trust
from incidents.ids import Digest, IncidentId
from incidents.value import Value
from orchestrator.audit.keys import Keyring, SigningKey, valid
from service.audit.pack import EvidencePack, disagreements
from service.audit.page import page_of
from service.audit.proving import checked

ReadT = TypeVar("ReadT", bound=Value)

JSON_FILE, PAGE_FILE, MANIFEST_FILE = "evidence.json", "evidence.html", "manifest.json"


class PackedFile(Value):
    """One file of the pack."""

    name: str
    digest: Digest
    bytes: int


class Manifest(Value):
    """What the pack consists of, and who put it together."""

    format: Literal["midwatch-evidence-manifest/1"] = "midwatch-evidence-manifest/1"
    incident: IncidentId
    made_at: datetime
    files: tuple[PackedFile, ...]
    head: SignedHead | None
    """The signed head that the pack's proof leads to."""
    signer: PublicKey | None = None
    """Whether this key counts, the reader has to know from elsewhere."""
    signature: str = ""
    """Base64, over everything else in this manifest; empty when there was no key."""

    @property
    def signed_bytes(self) -> bytes:
        """What the signature covers."""
        return MANIFEST_PURPOSE + canonical(self.model_copy(update={"signature": ""}))


class PackCheck(Value):
    """Whether a pack is what it was, and what vouches for it."""

    incident: IncidentId
    problems: tuple[str, ...]
    head: SignedHead | None
    head_trust: Trust | None
    manifest_trust: Trust | None
    """None when it was not signed."""

    @property
    def intact(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.problems

    @property
    def proven(self) -> bool:
        """Whether a key that counts vouches for the chain that it leads to."""
        return self.intact and self.head_trust is Trust.TRUSTED


class UnreadablePackError(Exception):
    """An evidence pack cannot be read; the message names the file."""


def write_pack(pack: EvidencePack, folder: Path, *, key: SigningKey | None) -> Manifest:
    """Write the three files. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        JSON_FILE: (pack.model_dump_json(indent=1) + "\n").encode(),
        PAGE_FILE: page_of(pack).encode(),
    }
    files = tuple(PackedFile(name=name, digest=digest_of(data), bytes=len(data)) for name, data in contents.items())
    manifest = Manifest(
        incident=pack.record.incident.id,
        made_at=pack.made_at,
        files=files,
        head=pack.proof.head,
        signer=key.public if key else None,
    )
    if key is not None:
        manifest = manifest.model_copy(update={"signature": key.sign(manifest.signed_bytes)})
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    (folder / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return manifest


def check_pack(folder: Path, *, trusted: Keyring) -> PackCheck:
    """Check digests, signatures, the way to the signed head, and that the pack tells what the ledger says.

    Raises UnreadablePackError.
    """
    manifest, problems = _read(folder, Manifest, MANIFEST_FILE), []
    for file in manifest.files:
        problems += _changed(folder, file)
    pack = _read(folder, EvidencePack, JSON_FILE)
    breaks, trust = checked(pack.proof, trusted)
    problems += [f"entry {broken.seq}: {broken.problem}" for broken in breaks]
    problems += disagreements(pack)
    if pack.proof.head != manifest.head or pack.record.incident.id != manifest.incident:
        problems.append(f"{MANIFEST_FILE} is not the manifest of this pack")
    signed = _signed(manifest, trusted.with_named(pack.proof.keys))
    if signed is Trust.INVALID:
        problems.append(f"{MANIFEST_FILE} was changed after it was signed")
    return PackCheck(
        incident=manifest.incident,
        problems=tuple(problems),
        head=manifest.head,
        head_trust=trust,
        manifest_trust=signed,
    )


def _signed(manifest: Manifest, trusted: Keyring) -> Trust | None:
    signer = manifest.signer
    if signer is None or not manifest.signature:
        return None
    if not valid(signer, manifest.signature, manifest.signed_bytes):
        return Trust.INVALID
    known = trusted.find(signer.id)
    return Trust.TRUSTED if known is not None and known.key == signer.key else Trust.SELF_NAMED


def _changed(folder: Path, file: PackedFile) -> list[str]:
    if Path(file.name).name != file.name:
        return [f"{file.name} is no file of a pack"]
    try:
        data = (folder / file.name).read_bytes()
    except OSError as error:
        return [f"{file.name} cannot be read: {error.strerror}"]
    return [] if digest_of(data) == file.digest else [f"{file.name} was changed after the manifest was written"]


def _read(folder: Path, form: type[ReadT], name: str) -> ReadT:
    try:
        return form.model_validate_json((folder / name).read_bytes())
    except OSError as error:
        raise UnreadablePackError(f"{folder / name} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UnreadablePackError(f"{folder / name} is no part of an evidence pack: {where}: {first['msg']}") from error
