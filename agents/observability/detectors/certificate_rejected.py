"""Certificates of others that a workload refuses because they have ended: that is nobody's release, but a date."""

import re
from collections.abc import Iterable
from datetime import datetime

from agents.detector import Detector, Scene, Sightings
from agents.observability.error_class import read_error
from agents.observability.names import Names
from agents.reporting import state
from agents.wording import count, since
from incidents.action import name_of
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import FactKind
from tools.loki.line import message_of
from tools.loki.mining import LogTemplate
from tools.loki.probes.templates import TemplatesView
from tools.probe import Observation

REJECTED = FactSpec(
    kind=FactKind("certificate.rejected"),
    role=FactRole.MECHANISM,
    meaning="A workload refuses the certificate of whom it calls because it has ended.",
    attributes={
        "peer": "whose certificate it is, as the lines name it",
        "not_after": "when it ended, as the lines say",
        "lines": "lines that say so",
    },
)
_ENDED = re.compile(
    r"certificate (?:has |is )?expired|certificate_expired|CERT_HAS_EXPIRED|CertificateExpired|not yet valid"
    r"|validity check failed|cert(?:ificate)? .{0,40}\bexpired",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:is after|NotAfter:?|not ?after[=:]?|expired (?:on|at)) ?(?P<date>\d{4}-\d\d-\d\d[T ][\d:]+Z?)", re.IGNORECASE
)


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload whose log began to say so."""
    names = Names.of(sightings, scene)
    for seen in sightings.of(TemplatesView):
        found = [one for one in seen.view.templates if one.is_new and _ENDED.search(message_of(one.example))]
        if found:
            yield _fact(seen, found, names, scene.now)


def _fact(seen: Observation[TemplatesView], found: list[LogTemplate], names: Names, now: datetime) -> Fact:
    first = min((one.began for one in found if one.began), default=None)
    peer = next((read.peer for one in found if (read := read_error(message_of(one.example))) and read.peer), None)
    date = next((match["date"] for one in found if (match := _DATE.search(one.example))), None)
    known = names.resolve(peer.partition(":")[0]) if peer else None
    whose = f" of {peer}" if peer else ""
    lines = sum(one.after for one in found)
    return state(
        REJECTED,
        entity=seen.view.entity,
        text=f"{name_of(seen.view.entity)} refuses the certificate{whose}{since(first, now=now)}: "
        f"it has ended ({count(lines, 'line')})",
        seen=[seen],
        at=first,
        related=[known] if known else [],
        strength=0.95,
        detector=DETECTOR.name,
        peer=peer,
        not_after=date,
        lines=lines,
    )


DETECTOR = Detector(name="observability.certificate_rejected", emits=(REJECTED,), needs=(TemplatesView,), detect=detect)
