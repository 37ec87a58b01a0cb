"""Whom a connection by TLS trusts, and what to write when it does not come about."""

import ssl

from tools.errors import PermanentError
from tools.estate import Endpoint

_ADVICE = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS there: write http:// instead of https://",
    "CERTIFICATE_VERIFY_FAILED": "set ca_file to the PEM of who signed its certificate, or write the name it bears",
    "HTTP request to an HTTPS server": "it speaks TLS there: write https:// instead of http://",
}
"""By what OpenSSL, or a server in Go, says."""


def trust_of(endpoint: Endpoint, *, system: str) -> ssl.SSLContext:
    """The authorities that certificates are held against. Raises PermanentError for a file that holds none."""
    try:
        return ssl.create_default_context(cafile=endpoint.ca_file)
    except OSError as error:  # ssl.SSLError is one
        why = error.strerror or str(error)
        message = f"{system}: ca_file {endpoint.ca_file} cannot be used ({why}): name a PEM file with certificates"
        raise PermanentError(message) from error


def tls_advice(said: str) -> str:
    """What to write instead, after what was said; nothing when TLS is not what is wrong."""
    return next((f"; {advice}" for words, advice in _ADVICE.items() if words in said), "")
