"""The policy as people read it: its rows and guards, which windows are open now, and why it says what of a proposal."""

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from incidents.calendar import open_windows
from incidents.explaining import Explanation, explain
from incidents.policy import Policy
from incidents.proposal import Proposal
from orchestrator.policy.load import InvalidPolicyError, load_policy
from orchestrator.policy.question import question_about
from orchestrator.policy.rego import findings
from orchestrator.policy.ruling import asked_outside
from orchestrator.store.errors import UnknownError
from orchestrator.store.proposals import proposal_like
from orchestrator.store.standing import standing_of
from orchestrator.store.transaction import Tx
from service.web.access import ContextDep, SessionDep
from service.web.context import WebContext
from service.web.rendering import pages_of

router = APIRouter()

Digest = Annotated[str, Query(pattern=r"^(sha256:)?[0-9a-f]{0,64}$")]


@router.get("/policy")
async def policy_page(request: Request, context: ContextDep, session: SessionDep, digest: Digest = "") -> Response:
    """The page; with a digest, or the beginning of one, why the policy says what it says of that proposal now."""
    now, proposal, why, problem = context.clock.now(), None, None, ""
    try:
        policy = await asyncio.to_thread(_in_force, context)
    except InvalidPolicyError as error:
        return await pages_of(request).page(
            request, "policy.html", session=session, policy=None, problem=str(error), digest=digest
        )
    if digest.removeprefix("sha256:"):
        try:
            async with context.store.transaction() as tx:
                proposal, why = await _explained(tx, policy, digest, now=now)
        except UnknownError as error:
            problem = f"{error}."
    return await pages_of(request).page(
        request,
        "policy.html",
        session=session,
        policy=policy,
        open_now=open_windows(policy.calendar, now=now),
        digest=digest.removeprefix("sha256:"),
        proposal=proposal,
        why=why,
        problem=problem,
    )


def _in_force(context: WebContext) -> Policy:
    """What is decided by. Raises InvalidPolicyError where nobody watches the files and they cannot be used."""
    return context.policies.current if context.policies else load_policy(context.settings.policy)


async def _explained(tx: Tx, policy: Policy, digest: str, *, now: datetime) -> tuple[Proposal, Explanation]:
    """The proposal of a digest, and every row's answer to it. Raises UnknownError."""
    proposal = (await proposal_like(tx, digest)).proposal
    standing = await standing_of(tx, proposal.body.incident, now=now, policy=policy, without=proposal.digest)
    question = question_about(proposal.body, now=now, standing=standing)
    found = await asyncio.to_thread(findings, policy, question)
    return proposal, explain(policy, question, found=found, outside=await asked_outside(policy, question))
