"""Certificates for a control plane that lives as long as a test session.

One authority signs everything. Elliptic keys, because making RSA keys would cost seconds at every start. Stops at
PEM files on disk: who uses which file is said in `controlplane.py`.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID_FOR = timedelta(days=2)
# A clock that is a little behind must not refuse a certificate made just now.
_BACKDATED_BY = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class KeyPair:
    """A certificate and its private key as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority whose files all live in one folder."""

    def __init__(self, folder: Path, *, name: str) -> None:
        """Make the authority's own key and certificate (`ca.crt`, `ca.key`) in `folder`, which is created."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(self._name, issuer=self._name, key=self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_AUTHORITY_USAGE, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = _write_certificate(folder / "ca.crt", certificate)

    def server(self, common_name: str, *, addresses: tuple[str, ...], names: tuple[str, ...] = ()) -> KeyPair:
        """A certificate for a server that answers at these IP addresses and DNS names."""
        alternatives: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
        alternatives += [x509.DNSName(n) for n in names]
        return self._issue(
            common_name,
            organization=None,
            purpose=ExtendedKeyUsageOID.SERVER_AUTH,
            alternatives=x509.SubjectAlternativeName(alternatives),
        )

    def client(self, user: str, *, group: str | None = None) -> KeyPair:
        """A certificate that Kubernetes reads as this user in this group."""
        return self._issue(user, organization=group, purpose=ExtendedKeyUsageOID.CLIENT_AUTH, alternatives=None)

    def _issue(
        self,
        common_name: str,
        *,
        organization: str | None,
        purpose: x509.ObjectIdentifier,
        alternatives: x509.SubjectAlternativeName | None,
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if organization:
            subject.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
        builder = _builder(x509.Name(subject), issuer=self._name, key=key)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if alternatives is not None:
            builder = builder.add_extension(alternatives, critical=False)
        stem = common_name.replace(":", "-")
        return KeyPair(
            certificate=_write_certificate(self.folder / f"{stem}.crt", builder.sign(self._key, hashes.SHA256())),
            key=_write_key(self.folder / f"{stem}.key", key),
        )


def token_signing_key(folder: Path) -> KeyPair:
    """The key that signs service account tokens; `certificate` is the bare public key, as the API server wants it."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = folder / "service-account.pub"
    public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return KeyPair(certificate=public, key=_write_key(folder / "service-account.key", key))


_AUTHORITY_USAGE = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    crl_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


def _builder(subject: x509.Name, *, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED_BY)
        .not_valid_after(now + _VALID_FOR)
    )


def _write_certificate(path: Path, certificate: x509.Certificate) -> Path:
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return path
