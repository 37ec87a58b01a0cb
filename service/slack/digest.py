"""Low-severity incidents told together: one message per period and channel, instead of one each.

Which moments a digest is due at follows from the clock alone, and its message's key from that moment: any number of
replicas, killed and started again, say the same once. An incident that wants a decision gets its own message after all.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from incidents.ids import IncidentId
from incidents.incident import Incident, Phase
from orchestrator.slack_settings import Digest, QuietHours, Slack
from orchestrator.store.outbox import Message, Wish, heads_since, message_of, skip, want
from orchestrator.store.overview import Wanted, incidents_page
from orchestrator.store.transaction import Tx
from service.slack.blocks import Block, context, header, section
from service.slack.mrkdwn import bold, link, safe
from service.story.words import PHASES, count, day, hm

DIGEST = "digest:"
WANTS_PEOPLE = frozenset({Phase.AWAITING_DECISION, Phase.EXECUTING, Phase.VERIFYING, Phase.UNDONE})
"""However mild: somebody has to decide, or something is being changed."""
GRACE = timedelta(seconds=30)
"""So long after the end of a period its incidents are committed everywhere."""
MEMORY = timedelta(days=60)
"""So far back the last digest is looked for."""
STAMP = "%Y%m%dT%H%MZ"
MOST_READ, MOST_LINES = 500, 20


def collected(incident: Incident, head: Message | None, *, slack: Slack) -> bool:
    """Whether it is told in a digest only: mild enough, wants nobody, and never had a message of its own."""
    shown = head is not None and (head.receipt != "" or head.thread != "")
    return slack.digest.takes(incident) and incident.phase not in WANTS_PEOPLE and not shown


def last_due(now: datetime, digest: Digest, quiet: QuietHours) -> datetime:
    """The latest moment at which a digest was due; what falls into quiet hours is due at their end. Pure."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    period = timedelta(hours=digest.hours)
    moments = [midnight + timedelta(days=day) + period * k for day in range(3) for k in range(-(-24 // digest.hours))]
    return max(due for moment in moments if (due := _awake(moment, digest, quiet)) <= now)


def _awake(moment: datetime, digest: Digest, quiet: QuietHours) -> datetime:
    for later in range(24):
        due = moment + timedelta(hours=later)
        if digest.severity is None or not quiet.quiet(hour=due.hour, severity=digest.severity):
            return due
    return moment


async def digests(tx: Tx, *, slack: Slack, console: str, now: datetime) -> bool:
    """Want the digests that are due and were not told; whether there was one."""
    if slack.digest.severity is None:
        return False
    due = last_due(now - GRACE, slack.digest, slack.quiet_hours)
    channels = dict.fromkeys((slack.channel, *(route.channel for route in slack.routes)))
    told = [await _digest(tx, channel, due, slack=slack, console=console, now=now) for channel in channels]
    return any(told)


async def _digest(tx: Tx, channel: str, due: datetime, *, slack: Slack, console: str, now: datetime) -> bool:
    key = f"{DIGEST}{channel}:{due.strftime(STAMP)}"
    if await message_of(tx, key) is not None:
        return False
    before = await heads_since(tx, prefix=f"{DIGEST}{channel}:", channel=channel, since=now - MEMORY)
    # Not this one itself: another replica may have written it since the look above.
    earlier = [moment for message in before if (moment := _moment(message.key)) < due]
    begun = max(earlier, default=due - timedelta(hours=slack.digest.hours))
    found = await incidents_page(tx, Wanted(since=begun), limit=MOST_READ)
    mine = [one for one in found if one.opened_at < due and slack.digest.takes(one)]
    mild = [one for one in mine if slack.route_of(one).channel == channel and await _only_here(tx, one.id)]
    text, blocks = digest_of(mild, begun=begun, due=due, console=console)
    wish = Wish(key=key, channel=channel, payload={"text": text, "blocks": blocks})
    await (want if mild else skip)(tx, wish, now=now)
    return bool(mild)


async def _only_here(tx: Tx, incident: IncidentId) -> bool:
    """Whether it had no message of its own."""
    card = await message_of(tx, f"card:{incident}")
    return card is None or bool(card.payload.get("collected"))


def _moment(key: str) -> datetime:
    return datetime.strptime(key.rsplit(":", 1)[1], STAMP).replace(tzinfo=UTC)


def digest_of(mild: Sequence[Incident], *, begun: datetime, due: datetime, console: str) -> tuple[str, list[Block]]:
    """(text, blocks): the same incident again and again is one line, what came most often first. Pure."""
    title = f"{count(len(mild), 'mild incident')}, nothing to decide"
    by_title: dict[str, list[Incident]] = {}
    for one in mild:
        by_title.setdefault(one.title, []).append(one)
    lines = [_line(same, console=console) for same in sorted(by_title.values(), key=lambda same: -len(same))]
    more = len(lines) - MOST_LINES
    shown = [*lines[:MOST_LINES], *([link(f"{console}/", f"and {count(more, 'more kind')}")] if more > 0 else [])]
    span = f"{day(begun)} {hm(begun)} to {day(due)} {hm(due)} UTC"
    return safe(title), [
        header(title),
        context(f"{span}  \u00b7  {safe(_states(Counter(one.phase for one in mild)))}"),
        section("\n".join(shown) or "Nothing."),
    ]


def _states(phases: Mapping[Phase, int]) -> str:
    return ", ".join(f"{number} {PHASES[phase]}" for phase, number in sorted(phases.items(), key=lambda item: -item[1]))


def _line(same: Sequence[Incident], *, console: str) -> str:
    latest = max(same, key=lambda one: one.opened_at)
    often = f"  {len(same)} times, last" if len(same) > 1 else ""
    where = link(f"{console}/incidents/{latest.id}", "open")
    return (
        f"{bold(latest.severity.label)}  {safe(latest.title, most=80)}{often}  {hm(latest.opened_at)}"
        f"  {PHASES[latest.phase]}  {where}"
    )
