"""What policy is asked about a proposal: before it is sealed, and again right before it runs."""

from collections.abc import Sequence
from datetime import datetime

from incidents.policy import ConsideredAction, PolicyQuestion, Standing
from incidents.proposal import ProposalBody, ProposedAction


def considered(actions: Sequence[ProposedAction]) -> tuple[ConsideredAction, ...]:
    """What policy looks at of the actions of a proposal."""
    return tuple(
        ConsideredAction(request=action.request, reach=action.blast_radius, reversibility=action.reversibility)
        for action in actions
    )


def question_about(body: ProposalBody, *, now: datetime, standing: Standing) -> PolicyQuestion:
    """The question about a proposal that is sealed already."""
    return PolicyQuestion(
        actions=considered(body.actions),
        at=now,
        incident=body.incident,
        cause=body.cause,
        confidence=body.confidence,
        usd_per_hour=body.cost.usd_per_hour,
        standing=standing,
    )
