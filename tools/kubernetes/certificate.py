"""When a certificate ends, and whose it is. Pure; the private key beside it is never looked at."""

import base64
from datetime import datetime

from cryptography import x509

from incidents.value import Value


class Certificate(Value):
    """The first certificate of a chain."""

    subject: str
    not_before: datetime
    not_after: datetime


def read_certificate(encoded: str) -> Certificate | None:
    """Read base64 of PEM, as a TLS secret keeps it under `tls.crt`; None when it is no certificate."""
    try:
        found = x509.load_pem_x509_certificate(base64.b64decode(encoded))
    except ValueError:
        return None
    return Certificate(
        subject=found.subject.rfc4514_string() or _first_name(found),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
    )


def _first_name(found: x509.Certificate) -> str:
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ""
    return next((str(name.value) for name in names), "")
