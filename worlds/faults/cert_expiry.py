"""A service's certificate expires: clients refuse to talk to it, the service itself notices nothing."""

from typing import Literal

from worlds.faults.dependency_slow import Trouble
from worlds.scenario.effect import Effect


class CertExpiry(Trouble):
    """With `cured_by_restart` the certificate was renewed in time, but the processes still hold the old one."""

    kind: Literal["cert_expiry"] = "cert_expiry"

    def effect(self) -> Effect:
        """Refused by its clients."""
        text = "tls: failed to verify certificate: x509: certificate has expired or is not yet valid"
        return Effect(refuse=text)
