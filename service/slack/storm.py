"""Storms: many incidents that open in one channel within minutes share one message; their cards are its thread."""

from collections.abc import Sequence
from datetime import timedelta

from incidents.incident import Incident
from orchestrator.store.incidents import incident_of
from orchestrator.store.outbox import Wish, heads_since, message_of, messages_in
from orchestrator.store.transaction import Tx
from service.slack.blocks import Block, context, header, section
from service.slack.mrkdwn import bold, safe
from service.story.words import PHASES, hm

STORM = "storm:"
WINDOW = timedelta(minutes=2)
"""So close together they are one storm."""
CALM = timedelta(minutes=10)
"""So long a storm takes in what comes after it."""
MOST = 25
"""Incidents that the storm's message lists."""


async def join_storm(tx: Tx, incident: Incident, *, channel: str, most: int) -> str:
    """Key of the storm's message that a new incident belongs under; empty when there is no storm."""
    now = tx.clock.now()
    raging = await heads_since(tx, prefix=STORM, channel=channel, since=now - CALM)
    if raging:
        return raging[-1].key
    heads = await heads_since(tx, prefix="card:", channel=channel, since=now - WINDOW)
    recent = [head for head in heads if not head.payload.get("collected")]
    return f"{STORM}{channel}:{incident.id}" if len(recent) >= most else ""


async def storm_wish(tx: Tx, key: str, *, channel: str, incident: Incident) -> Wish:
    """The storm's message with all incidents under it, the new one too."""
    under = [message.incident for message in await messages_in(tx, key) if message.incident]
    ids = list(dict.fromkeys([*under, incident.id]))
    heads = [await incident_of(tx, one) for one in ids]
    text, blocks = storm_of(heads)
    known = await message_of(tx, key)
    version = (known.version if known else 0) + 1
    return Wish(key=key, channel=channel, payload={"text": text, "blocks": blocks}, version=version)


def storm_of(heads: Sequence[Incident]) -> tuple[str, list[Block]]:
    """(text, blocks): how many, how bad, the worst first. Pure."""
    worst = min(head.severity for head in heads)
    lines = [
        f"{bold(head.severity.label)}  {hm(head.opened_at)}  {safe(head.title, most=80)}  {PHASES[head.phase]}"
        for head in sorted(heads, key=lambda head: (head.severity, head.opened_at))[:MOST]
    ]
    more = len(heads) - MOST
    title = f"{len(heads)} more incidents at once"
    blocks = [
        header(f"Storm: {title}"),
        context(
            f"worst {worst.label}  \u00b7  since {hm(heads[0].opened_at)} UTC  \u00b7  their cards are in the thread"
        ),
        section("\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])),
    ]
    return f"Storm: {title}", blocks
