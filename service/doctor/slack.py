"""Slack: the token and its scopes, the channels of all routes, the way in, and whom it calls. Looks, posts nothing."""

from collections.abc import Collection

from incidents.value import Value
from orchestrator.settings import Settings
from orchestrator.slack_settings import Mode, Slack
from service.doctor.checking import Trouble, attempt
from service.doctor.finding import Finding, State
from tools.errors import NotFoundError
from tools.slack.client import SlackClient, Standing
from tools.slack.scopes import LOST, NEEDED

WHAT = "Slack"
MEANS = "incidents are shown and decided in Slack"
MANIFEST = "update the app from deploy/slack-manifest.yaml and install it again (docs/slack.md)"


class Reached(Value):
    """How one thing that the settings name stands in the workspace."""

    name: str
    problem: str = ""
    """Empty: as it should be."""


class Found(Value):
    """Several of them."""

    items: tuple[Reached, ...]


async def check(settings: Settings) -> tuple[Finding, ...]:
    """The rows; one that says so when there is no Slack."""
    slack = settings.slack
    if slack.bot_token is None:
        return (_none(),)
    client = SlackClient(token=slack.bot_token.get_secret_value(), api_url=slack.api_url)
    standing = await attempt(client.standing())
    if isinstance(standing, Trouble):
        return (_refused(standing),)
    rows = [judge(standing)]
    rows.append(_channels(await attempt(_reached(client, slack))))
    rows.append(await _way_in(client, settings))
    mentions = tuple(dict.fromkeys(m for m in (slack.mention, *(route.mention for route in slack.routes)) if m))
    if mentions:
        rows.append(_called(await attempt(_mentioned(client, mentions))))
    return tuple(rows)


def judge(seen: Standing) -> Finding:
    """What the token and its scopes mean. Pure."""
    missing = sorted(NEEDED - set(seen.scopes)) if seen.scopes else []
    more = sorted(set(seen.scopes) - NEEDED)
    who = f"{seen.user} in {seen.team}"
    if missing:
        lost = "; ".join(dict.fromkeys(LOST[scope] for scope in missing))
        state = State.FAILED if "chat:write" in missing else State.DEGRADED
        found = f"{who}, without {', '.join(missing)}"
        return Finding(what=WHAT, state=state, found=found, means=lost, do=MANIFEST, blind=(lost,))
    found = who + (f"; it was also granted {', '.join(more)}, which nothing uses" if more else ", all scopes granted")
    return Finding(what=WHAT, state=State.OK, found=found, means=MEANS, sees=("replies and clicks in Slack",))


def _none() -> Finding:
    return Finding(
        what=WHAT,
        state=State.MISSING,
        found="no bot token is set",
        means="incidents are shown and decided in the console only",
        do="five minutes: docs/slack.md",
    )


def _refused(trouble: Trouble) -> Finding:
    advice = (
        "install the app again and set MIDWATCH_SLACK__BOT_TOKEN to its new Bot User OAuth Token (xoxb-...)"
        if trouble.forbidden
        else "see that this machine may reach https://slack.com (and MIDWATCH_SLACK__API_URL is right)"
    )
    means = "nothing is posted; what was missed is posted once when it works again"
    return Finding(what=WHAT, state=State.FAILED, found=trouble.message, means=means, do=advice)


async def _reached(client: SlackClient, slack: Slack) -> Found:
    named = dict.fromkeys((slack.channel, *(route.channel for route in slack.routes)))
    return Found(items=tuple([await _channel(client, name) for name in named]))


async def _channel(client: SlackClient, name: str) -> Reached:
    """Raises ToolError for what is no matter of this channel."""
    try:
        member = await client.is_member(await client.channel_id(name))
    except NotFoundError:
        return Reached(name=name, problem="is not there, or the bot may not see it")
    return Reached(name=name, problem="" if member else "the bot is not in it")


def _channels(found: Found | Trouble) -> Finding:
    what = "Slack channels"
    if isinstance(found, Trouble):
        return _unseen(what, found)
    bad = [one for one in found.items if one.problem]
    if not bad:
        names = ", ".join(one.name for one in found.items)
        return Finding(what=what, state=State.OK, found=f"the bot is in {names}", means="every route can be posted to")
    return Finding(
        what=what,
        state=State.FAILED,
        found="; ".join(f"{one.name}: {one.problem}" for one in bad),
        means="incidents that go there are not shown in Slack",
        do=f"write `/invite @Midwatch` in {', '.join(one.name for one in bad)}, or correct the name in slack.routes",
    )


async def _way_in(client: SlackClient, settings: Settings) -> Finding:
    """How clicks and replies come: a websocket that can be opened, or signed requests to an address."""
    what, slack = "Slack's way in", settings.slack
    if slack.mode is Mode.HTTP:
        return _requests(what, settings.listen.public_url)
    opened = await attempt(_opened(client, slack))
    if isinstance(opened, Trouble):
        advice = "make an app-level token with connections:write, set MIDWATCH_SLACK__APP_TOKEN (xapp-...), and see "
        advice += "that Socket Mode is on in the app"
        means = "cards are posted, and nobody's click or reply arrives"
        return Finding(what=what, state=State.FAILED, found=opened.message, means=means, do=advice)
    return Finding(what=what, state=State.OK, found="Socket Mode can be opened", means="clicks and replies arrive")


async def _opened(client: SlackClient, slack: Slack) -> Found:
    await client.opens_socket(slack.app_token.get_secret_value() if slack.app_token else "")
    return Found(items=())


def _requests(what: str, address: str) -> Finding:
    found = "signed requests; the signing secret is set"
    if address.startswith("https://"):
        means = f"clicks and replies arrive when the app names {address}/slack/events as its request URL"
        return Finding(what=what, state=State.OK, found=found, means=means)
    return Finding(
        what=what,
        state=State.DEGRADED,
        found=f"{found}; {address or 'no public address'} is none that Slack can reach by https",
        means="clicks and replies may not arrive",
        do="set MIDWATCH_LISTEN__PUBLIC_URL to the https address under which Slack reaches Midwatch",
    )


async def _mentioned(client: SlackClient, mentions: Collection[str]) -> Found:
    groups = await client.user_groups() if any(one.startswith("S") for one in mentions) else frozenset()
    found = []
    for one in mentions:
        if one.startswith("S"):
            found.append(Reached(name=one, problem="" if one in groups else "no user group has this id"))
        else:
            found.append(await _member(client, one))
    return Found(items=tuple(found))


async def _member(client: SlackClient, user: str) -> Reached:
    try:
        await client.who(user)
    except NotFoundError:
        return Reached(name=user, problem="nobody has this id")
    return Reached(name=user)


def _called(found: Found | Trouble) -> Finding:
    what = "Slack mentions"
    if isinstance(found, Trouble):
        return _unseen(what, found)
    bad = [one for one in found.items if one.problem]
    if not bad:
        names = ", ".join(one.name for one in found.items)
        return Finding(
            what=what, state=State.OK, found=f"{names} known", means="they are called when a decision is wanted"
        )
    return Finding(
        what=what,
        state=State.DEGRADED,
        found="; ".join(f"{one.name}: {one.problem}" for one in bad),
        means="nobody is called when a decision is wanted",
        do="set slack.mention to the group's id (S...), which its page in Slack shows, or to a member's (U...)",
    )


def _unseen(what: str, trouble: Trouble) -> Finding:
    means = "it cannot be told whether it works"
    return Finding(what=what, state=State.DEGRADED, found=trouble.message, means=means, do=MANIFEST)
