"""One observation as it was kept: what was asked, when, what came back. Its body is shown as text, never as HTML."""

import json

from fastapi import APIRouter, Request
from fastapi.responses import Response

from incidents.ids import EvidenceId, IncidentId
from orchestrator.store.casefiles import load_case, one_evidence
from service.web.access import ContextDep, EvidencePath, IncidentPath, SessionDep
from service.web.rendering import pages_of

router = APIRouter()


@router.get("/incidents/{incident}/evidence/{evidence}")
async def evidence_page(
    request: Request, context: ContextDep, session: SessionDep, incident: IncidentPath, evidence: EvidencePath
) -> Response:
    """The page of one observation."""
    async with context.store.transaction() as tx:
        found = await one_evidence(tx, IncidentId(incident), EvidenceId(evidence))
        case = await load_case(tx, IncidentId(incident), bodies=False)
    read = tuple(fact for fact in case.facts if found.id in fact.evidence)
    return await pages_of(request).page(
        request,
        "evidence.html",
        session=session,
        evidence=found,
        incident=case.incident,
        facts=read,
        body=pretty(found.body),
        link=safe_link(found.link),
    )


def pretty(body: str) -> str:
    """JSON with line breaks; anything else as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


def safe_link(link: str | None) -> str | None:
    """A link that may be opened: only the web's own schemes, because links come from outside too."""
    return link if link and link.startswith(("https://", "http://")) else None
