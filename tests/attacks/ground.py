"""What attacks have in common: an approved proposal on a served world, clicks by HTTP, and the oracle that nothing ran."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx

from incidents.action import ActionRequest
from incidents.approval import Accepted
from incidents.execution import Execution, ExecutionStatus
from incidents.ids import ProposalDigest
from incidents.proposal import Proposal
from orchestrator.executor.deed import Deed
from orchestrator.executor.record import StoreBook
from orchestrator.executor.running import run, run_rows
from orchestrator.store.executions import set_execution_status
from tests.orchestrator.executor.sealing import INCIDENT, row, rows, sealed
from tests.orchestrator.staging import DEPLOYMENT, Stage
from tests.service.web.serving import TOKENS

WEBHOOK_PATH = "/api/v1/alerts/alertmanager"


def house(on: Stage) -> str:
    """Where the web role answers."""
    return on.webhook.removesuffix(WEBHOOK_PATH)


def bearer(who: str) -> dict[str, str]:
    """What a person of the settings sends."""
    return {"authorization": f"Bearer {TOKENS[who]}"}


async def click(
    on: Stage, digest: ProposalDigest | str, *, who: str = "dana", choice: str = "approve", **headers: str
) -> httpx.Response:
    """Decide by the API, over HTTP; `headers` in place of the person's token."""
    async with httpx.AsyncClient(base_url=house(on), timeout=60) as client:
        body = {"choice": choice, "reason": "because"}
        return await client.post(
            f"/api/v1/proposals/{digest}/decision", json=body, headers=headers or bearer(who), follow_redirects=False
        )


async def approved(on: Stage, *requests: ActionRequest, **changes: Any) -> Proposal:
    """A sealed proposal that the person on call approved."""
    proposal = await sealed(on, *requests, **changes)
    assert isinstance(await on.decide(proposal.digest), Accepted)
    return proposal


async def nothing_ran(on: Stage, proposal: Proposal, *, generation: int, why: str = "") -> None:
    """Let the executor try: the API server's object stays as it was, no row says otherwise, and the reason is told."""
    await run(on.executor, proposal.digest)
    assert on.generation() == generation, "the API server took a change"
    found = await rows(on, proposal)
    assert not [one for one in found if one.status is ExecutionStatus.SUCCEEDED]
    if why:
        assert why in " ".join(one.detail for one in found), found
    assert "executed" not in await on.ledger(INCIDENT)


class Ungated(StoreBook):
    """A book whose gate is taken out: what would happen if the executor believed the tables."""

    async def dispatch(self, deed: Deed) -> Execution:
        """Write `dispatched`, and ask nobody."""
        now = deed.hands.clock.now()
        async with self._context.store.transaction() as tx:
            return await set_execution_status(tx, deed.row, to=ExecutionStatus.DISPATCHED, now=now)


async def run_ungated(on: Stage, proposal: Proposal) -> Execution:
    """The control: the same attack against an executor without its gate."""
    await run_rows(proposal, await rows(on, proposal), hands=on.executor, book=Ungated(on.executor))
    return await row(on, proposal)


async def run_unfenced(on: Stage, proposal: Proposal) -> Execution:
    """The control: the same attack against an executor that takes whatever it finds for what was approved."""
    [action] = proposal.body.actions
    fresh = await on.executor.action(action.request).capture(on.executor.cluster(action.request), action.request)
    believed = action.model_copy(update={"fence": fresh.fence, "snapshot": fresh})
    body = proposal.body.model_copy(update={"actions": (believed,)})
    fooled = proposal.model_copy(update={"body": body})
    await run_rows(fooled, await rows(on, proposal), hands=replace(on.executor), book=Ungated(on.executor))
    return await row(on, proposal)


def rewrite(on: Stage, *, limit: str) -> None:
    """Somebody else changes the memory limit, straight on the API server."""
    item = on.deployment()
    item["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] = limit
    on.objects.replace(DEPLOYMENT, item, manager="kubectl-edit")
