"""The looks of one enquiry: probes asked, sentences with their sources; what could not be seen is said, not raised."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from agents.wording import SYSTEMS, looked_at
from incidents.enquiry import Told
from incidents.redaction import redact
from incidents.value import Value
from tools.errors import NotConfiguredError, ToolError
from tools.estate import Cluster
from tools.probe import Observation, Probe

ArgsT = TypeVar("ArgsT", bound=Value)
ViewT = TypeVar("ViewT", bound=Value)


@dataclass(kw_only=True)
class Notebook:
    """What one question brought about one cluster."""

    cluster: Cluster
    now: datetime
    told: list[Told] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    async def look(self, probe: Probe[ArgsT, ViewT], args: ArgsT) -> Observation[ViewT] | None:
        """Ask. None when it could not be seen; that is noted, unless nobody configured it."""
        try:
            return await probe.run(self.cluster, args)
        except NotConfiguredError:
            system = SYSTEMS.get(probe.source.value, probe.source.value.capitalize())
            self.unseen.append(f"{system} is not configured for {self.cluster.name}")
        except ToolError as error:
            self.unseen.append(redact(f"{looked_at(probe.name)}: {error}")[:200])
        return None

    def tell(self, text: str, *, seen: Observation[ViewT]) -> None:
        """Say it, as read there."""
        evidence = seen.evidence
        source = SYSTEMS.get(evidence.source.value, evidence.source.value.capitalize())
        self.told.append(Told(text=redact(text), source=source, at=evidence.observed_at, link=evidence.link or ""))
