"""Calls for a decision, in the thread: an edit of a message rings no bell, a new one does. Pure."""

from datetime import datetime

from service.slack.blocks import Block, section
from service.slack.mrkdwn import bold, safe
from service.story.record import IncidentRecord, ProposalRecord
from service.story.words import hm

REMINDER_SHARE = 1 / 3
"""Of the time to decide, what is left when people are called once more."""


def call_of(record: IncidentRecord, proposal: ProposalRecord, *, mention: str) -> tuple[str, tuple[Block, ...]]:
    """(text, blocks): whom it concerns, what is proposed, until when."""
    called = f"<!subteam^{mention}>" if mention.startswith("S") else f"<@{mention}>" if mention else ""
    action = "; ".join(action.summary for action in proposal.body.actions)
    until = f"until {hm(proposal.body.expires_at)} UTC"
    words = f"{called} a decision is wanted {until}: {bold(action)}".strip()
    return safe(f"A decision is wanted {until}: {action} ({record.incident.title})"), (section(words),)


def wants_a_reminder(proposal: ProposalRecord, *, now: datetime) -> bool:
    """Whether most of the time to decide is over."""
    body = proposal.body
    return body.expires_at - now <= (body.expires_at - body.created_at) * REMINDER_SHARE
