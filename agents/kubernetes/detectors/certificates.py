"""Certificates that have ended or are about to: those in TLS secrets, and those that logs complain about."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from agents.detector import Detector, Scene, Sightings
from agents.kubernetes.sighted import earliest, name
from agents.reporting import state
from agents.wording import count
from incidents.fact import Fact, FactRole, FactSpec
from incidents.ids import EntityId, FactKind
from tools.kubernetes.config_ref import ConfigObject, ConfigRefs
from tools.kubernetes.log import LogLine, Logs
from tools.probe import Observation

SOON = timedelta(days=7)
"""cert-manager renews at two thirds of the lifetime (30 days before the end of 90): a week left means it did not."""

EXPIRED = FactSpec(
    kind=FactKind("certificate.expired"),
    role=FactRole.MECHANISM,
    meaning="A certificate that a workload uses or meets has ended.",
    attributes={
        "subject": "whose it is, as far as known",
        "not_after": "when it ended, ISO 8601",
        "secret": "name of the secret that holds it",
        "lines": "log lines that complain",
    },
)
EXPIRING = FactSpec(
    kind=FactKind("certificate.expiring"),
    role=FactRole.MECHANISM,
    meaning="A certificate that a workload uses ends within a week.",
    attributes={"subject": "whose it is", "not_after": "when it ends, ISO 8601", "secret": "name of the secret"},
)
_COMPLAINT = re.compile(
    r"certificate has expired(?! or is not yet valid)"
    r"|certificate has expired or is not yet valid: current time \S+ is after"
    r"|certificate_expired|CERT_HAS_EXPIRED|certificate expired|CertificateExpiredException|SSL.*CERTIFICATE_EXPIRED"
    r"|validity check failed",
    re.IGNORECASE,
)
_ENDED = re.compile(r"is after (?P<end>\d{4}-\d\d-\d\dT[\d:]+Z)|NotAfter: (?P<java>[^,;\]]+)")


def detect(sightings: Sightings, scene: Scene) -> Iterable[Fact]:
    """One fact per workload and certificate."""
    for seen in sightings.of(ConfigRefs):
        for item in seen.view.objects:
            if item.certificate_not_after is not None and item.certificate_not_after - scene.now < SOON:
                for workload in item.used_by:
                    yield _of_secret(item, item.certificate_not_after, workload, seen, scene)
    for logs in sightings.of(Logs):
        lines: dict[EntityId, list[LogLine]] = {}
        for log in logs.view.logs:
            lines.setdefault(log.workload, []).extend(line for line in log.lines if _COMPLAINT.search(line.text))
        yield from (_of_logs(workload, found, logs) for workload, found in lines.items() if found)


def _of_secret(item: ConfigObject, end: datetime, workload: EntityId, seen: Observation[Any], scene: Scene) -> Fact:
    ended = end <= scene.now
    when = f"{'ended' if ended else 'ends'} {end:%Y-%m-%d %H:%M}"
    return state(
        EXPIRED if ended else EXPIRING,
        entity=workload,
        text=f"certificate {item.certificate_subject or item.meta.name} of {name(workload)} {when}",
        seen=[seen],
        at=end if ended else None,
        related=[item.meta.entity],
        detector=DETECTOR.name,
        subject=item.certificate_subject or None,
        not_after=end.isoformat(),
        secret=item.meta.name,
    )


def _of_logs(workload: EntityId, lines: Sequence[LogLine], seen: Observation[Any]) -> Fact:
    match = next((found for line in lines if (found := _ENDED.search(line.text))), None)
    end = (match["end"] or match["java"]) if match else None
    return state(
        EXPIRED,
        entity=workload,
        text=f"{name(workload)} meets a certificate that has ended ({count(len(lines), 'log line')})",
        seen=[seen],
        at=earliest(line.at for line in lines),
        strength=0.9,
        detector=DETECTOR.name,
        not_after=end,
        lines=len(lines),
    )


DETECTOR = Detector(name="kubernetes.certificates", emits=(EXPIRED, EXPIRING), needs=(ConfigRefs,), detect=detect)
