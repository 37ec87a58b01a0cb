"""A service's certificate expires: clients refuse to talk to it, the service itself notices nothing."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from worlds.faults.dependency_slow import Trouble
from worlds.scenario.effect import Effect

if TYPE_CHECKING:
    from worlds.estate.simulation import Simulation

_ISO = "%Y-%m-%dT%H:%M:%SZ"


class CertExpiry(Trouble):
    """With `cured_by_restart` the certificate was renewed in time, but the processes still hold the old one."""

    kind: Literal["cert_expiry"] = "cert_expiry"

    def effect_in(self, world: "Simulation") -> Effect:
        """Refused by its clients, in the words of Go's crypto/x509."""
        ended = datetime.fromtimestamp(world.at(self.at), tz=UTC)
        noticed, ending = (ended + timedelta(seconds=41)).strftime(_ISO), ended.strftime(_ISO)
        text = "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: "
        return Effect(refuse=f"{text}current time {noticed} is after {ending}")
