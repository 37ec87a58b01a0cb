"""`midwatch policy explain`: of a proposal in the database, or of an action that somebody thinks of."""

import asyncio
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from incidents.action import Reversibility
from incidents.explaining import ActionExplained, Explanation, explain
from incidents.ids import ActionKind, CauseSlug, EntityId
from incidents.policy import Effect, Policy, PolicyQuestion
from incidents.value import Value
from orchestrator.assembly import open_store
from orchestrator.policy.cases import CaseAction
from orchestrator.policy.load import InvalidPolicyError, load_policy
from orchestrator.policy.question import question_about
from orchestrator.policy.rego import findings
from orchestrator.policy.ruling import asked_outside
from orchestrator.settings import Settings, load
from orchestrator.store.errors import UnknownError
from orchestrator.store.proposals import proposal_like
from orchestrator.store.standing import standing_of


class Asked(Value):
    """What was asked on the command line."""

    digest: str = ""
    action: str = ""
    target: str = ""
    pods: int = 1
    confidence: float = 1.0
    cost: float | None = None
    undo: str = "exact"
    cause: str = ""
    at: str = ""
    policy: Path | None = None


class NotAskableError(Exception):
    """The command line does not say what to explain; the message says what to write."""


def explain_command(asked: Asked) -> int:
    """Explain; 2 when it cannot be asked. The verdict does not change the exit code."""
    return asyncio.run(_explain(asked))


async def _explain(asked: Asked) -> int:
    settings = load()
    try:
        policy = load_policy(asked.policy or settings.policy)
        question = (
            await _question(asked, settings, policy) if asked.digest else _thought_of(asked, now=settings.time.now())
        )
    except (InvalidPolicyError, NotAskableError, UnknownError) as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False)
        return 2
    outside = await asked_outside(policy, question)
    _tell(policy, explain(policy, question, found=findings(policy, question), outside=outside))
    return 0


async def _question(asked: Asked, settings: Settings, policy: Policy) -> PolicyQuestion:
    now = _moment(asked.at) or settings.time.now()
    async with open_store(settings) as store, store.transaction() as tx:
        proposal = (await proposal_like(tx, asked.digest)).proposal
        standing = await standing_of(tx, proposal.body.incident, now=now, policy=policy, without=proposal.digest)
    return question_about(proposal.body, now=now, standing=standing)


def _thought_of(asked: Asked, *, now: datetime) -> PolicyQuestion:
    if not asked.action or asked.target.count("/") < 3:  # noqa: PLR2004 - cluster/namespace/kind/name
        raise NotAskableError(
            "Say what to explain: a digest, or --action rollback_workload --target cluster/namespace/deployment/name"
        )
    try:
        action = CaseAction(
            action=ActionKind(asked.action),
            target=EntityId(asked.target),
            pods=asked.pods,
            undo=Reversibility(asked.undo),
        )
        return PolicyQuestion(
            actions=(action.considered,),
            at=_moment(asked.at) or now,
            cause=CauseSlug(asked.cause) if asked.cause else None,
            confidence=asked.confidence,
            usd_per_hour=asked.cost,
        )
    except (ValidationError, ValueError) as error:
        first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise NotAskableError(f"{first}: see midwatch policy explain --help") from None


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise NotAskableError(f"--at: {error}: write it as 2026-12-24T03:00:00+01:00") from None
    if found.tzinfo is None:
        raise NotAskableError("--at has no time zone: write it as 2026-12-24T03:00:00+01:00")
    return found


def _tell(policy: Policy, found: Explanation) -> None:
    console = Console(soft_wrap=True)
    style = {Effect.DENY: "red", Effect.ASK: "yellow", Effect.ALLOW: "green"}[found.verdict.effect]
    console.print(f"{found.verdict.effect.value.upper()}  {found.verdict.reason}", style=style, markup=False)
    for action in found.actions:
        console.print(_table(action))
    for denial in found.found.denials:
        console.print(f"denies ({denial.source}): {denial.name}: {denial.why}", markup=False, highlight=False)
    for demand in found.found.demands:
        console.print(f"+{demand.add} ({demand.source}): {demand.name}: it {demand.why}", markup=False, highlight=False)
    console.print(f"needed: {found.needed}", markup=False, highlight=False)
    console.print(f"policy {policy.source}, version {found.verdict.version}", style="dim", markup=False)


def _table(action: ActionExplained) -> Table:
    table = Table("row", "effect", "why", title=f"{action.kind}: {action.place.text}", title_justify="left")
    for row in action.rows:
        table.add_row(row.name, row.effect.value, row.text, style="bold" if row.decides else "")
    return table
