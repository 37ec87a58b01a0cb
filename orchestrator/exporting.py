"""A handled incident in one file, to be run again offline: what was known, asked, answered, argued and proposed.

The file is named and checked by the digest of its content. Everything in it was redacted before it was stored.
"""

import gzip
import json
import zlib
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import ValidationError

from incidents.alert import Alert
from incidents.canonical import canonical, digest_of, short
from incidents.diagnosis import Diagnosis
from incidents.ids import Digest, IncidentId
from incidents.incident import Incident
from incidents.policy import Policy, Standing
from incidents.proposal import Proposal
from incidents.recording import Look
from incidents.redaction import redact
from incidents.rejection import Rejection
from incidents.value import Value
from incidents.verification import Verification
from orchestrator.settings import Budget, Periods, Settings
from orchestrator.store.alerts import joined_alerts_of
from orchestrator.store.diagnoses import diagnoses_of
from orchestrator.store.incidents import incident_of
from orchestrator.store.proposals import proposal_of
from orchestrator.store.recordings import looks_of
from orchestrator.store.rehearsals import Rehearsal, rehearsals_of
from orchestrator.store.rejections import rejections_about
from orchestrator.store.standing import standing_then
from orchestrator.store.transaction import Tx
from orchestrator.store.verifications import verification_of
from tools.estate import Connections, Endpoint

FORMAT: Literal["midwatch-incident/1"] = "midwatch-incident/1"
NOWHERE = Endpoint(url="http://recorded.invalid")
"""Stands for the address of a system that was connected. The top-level domain is reserved (RFC 6761)."""
_GZIP = b"\x1f\x8b"


class SeenAlert(Value):
    """An alert with the moment from which it was known."""

    alert: Alert
    first_seen: datetime


class Export(Value):
    """Everything that a replay needs of one incident."""

    format: Literal["midwatch-incident/1"] = FORMAT
    incident: Incident
    alerts: tuple[SeenAlert, ...]
    connections: Connections
    """What was connected, without addresses and credentials."""
    budget: Budget
    periods: Periods
    policy: Policy
    """The policy at the time of the export."""
    standing: Standing = Standing()
    """What had been used of its limits and pre-approvals when the proposal was made."""
    model: str = ""
    """The model that was configured, if any."""
    looks: tuple[Look, ...]
    diagnoses: tuple[Diagnosis, ...]
    """One per round, as they stood when the round ended."""
    rehearsals: tuple[Rehearsal, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    """What people had rejected before for the leading suspicions, as far as it counted at the time of the export."""
    proposal: Proposal | None = None
    """The newest one."""
    verification: Verification | None = None

    @property
    def digest(self) -> Digest:
        """Over all of it."""
        return digest_of(canonical(self))

    @property
    def file_name(self) -> str:
        """Named by incident and content."""
        return f"{self.incident.id}-{short(self.digest, length=12)}.json.gz"

    def write(self, path: Path) -> None:
        """Write it with its digest, packed. The same incident gives the same bytes."""
        document = {"digest": self.digest, "export": self.model_dump(mode="json")}
        text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        path.write_bytes(gzip.compress(text.encode(), mtime=0))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check it. Raises InvalidExportError that says what is wrong with which file."""
        try:
            raw = path.read_bytes()
            document = json.loads(gzip.decompress(raw) if raw.startswith(_GZIP) else raw)
            found = cls.model_validate(document["export"])
        except (OSError, EOFError, zlib.error) as error:
            why = getattr(error, "strerror", None) or error
            raise InvalidExportError(f"{path} cannot be read: {why}") from error
        except KeyError as error:
            raise InvalidExportError(f"{path} is no export of an incident: it has no {error}") from error
        except (ValueError, TypeError) as error:
            raise InvalidExportError(f"{path} is no export of an incident: {_first(error)}") from error
        if found.digest != document["digest"]:
            raise InvalidExportError(f"{path} was changed: its content has not the digest that it was written with")
        return found


class InvalidExportError(ValueError):
    """The file cannot be replayed: export the incident anew with `midwatch incidents export ID`."""


async def export(tx: Tx, incident: IncidentId, *, settings: Settings, policy: Policy) -> Export:
    """Everything that was kept of an incident. Raises UnknownError for none of that id."""
    head = await incident_of(tx, incident)
    proposal = await proposal_of(tx, incident)
    verification = await verification_of(tx, proposal.proposal.digest) if proposal else None
    standing = Standing()
    if proposal is not None:
        sealed = proposal.proposal
        standing = await standing_then(tx, incident, then=sealed.body.created_at, policy=policy, without=sealed.digest)
    made = Export(
        incident=head,
        alerts=tuple(
            SeenAlert(alert=item.alert, first_seen=item.first_seen) for item in await joined_alerts_of(tx, incident)
        ),
        connections=_bare(settings, head.cluster),
        budget=settings.budget,
        periods=settings.periods,
        policy=policy,
        standing=standing,
        model=settings.model.name,
        looks=await looks_of(tx, incident),
        diagnoses=await diagnoses_of(tx, incident),
        rehearsals=await rehearsals_of(tx, incident),
        rejections=await _rejections(tx, proposal.proposal if proposal else None),
        proposal=proposal.proposal if proposal else None,
        verification=verification,
    )
    return Export.model_validate_json(redact(made.model_dump_json()))


async def _rejections(tx: Tx, proposal: Proposal | None) -> tuple[Rejection, ...]:
    """Those that stood in the way when the newest proposal was made; not its own."""
    if proposal is None:
        return ()
    body = proposal.body
    found = await rejections_about(tx, cause=body.cause, entity=body.entity, now=body.created_at)
    return tuple(one for one in found if one.digest != proposal.digest and one.at <= body.created_at)


def _bare(settings: Settings, cluster: str) -> Connections:
    """The connections of a cluster without addresses and credentials: which systems there were, and what was told."""
    found = next((item for item in settings.clusters if item.name == cluster), Connections(name=cluster))
    systems = {name: NOWHERE for name in type(found).model_fields if isinstance(getattr(found, name), Endpoint)}
    reached = {"kubernetes": None, "kubernetes_write": None, "argocd_write": None, "github_write": None}
    return found.model_copy(update=systems | reached)


def _first(error: Exception) -> str:
    return str(error).splitlines()[0] if not isinstance(error, ValidationError) else error.errors()[0]["msg"]
