"""What the whole policy says of a deed right before it is done: freezes that began, limits that others used up."""

from incidents.policy import Findings, PolicyVerdict
from incidents.proposal import Proposal
from orchestrator.executor.deed import Deed
from orchestrator.policy.question import question_about
from orchestrator.policy.ruling import asked_outside, ruling
from orchestrator.store.database import Store
from orchestrator.store.standing import lock_standing, standing_of
from orchestrator.store.transaction import Tx


async def asked_again(store: Store, deed: Deed) -> Findings | None:
    """What the policy's OPA server says now, asked outside of any transaction; None when it has none."""
    if deed.row.undo or deed.hands.policy.opa is None:
        return None
    now, proposal = deed.hands.clock.now(), deed.proposal
    async with store.transaction() as tx:
        standing = await standing_of(
            tx, proposal.body.incident, now=now, policy=deed.hands.policy, without=proposal.digest
        )
    return await asked_outside(deed.hands.policy, question_about(proposal.body, now=now, standing=standing))


async def ruling_now(tx: Tx, deed: Deed, proposal: Proposal, *, outside: Findings | None) -> PolicyVerdict:
    """The verdict on it as it stands in the database. Nobody else can use up a limit until the transaction ends."""
    now = deed.hands.clock.now()
    await lock_standing(tx)
    standing = await standing_of(tx, proposal.body.incident, now=now, policy=deed.hands.policy, without=proposal.digest)
    return ruling(deed.hands.policy, question_about(proposal.body, now=now, standing=standing), outside=outside)
