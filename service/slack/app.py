"""The Bolt app of one process: every handler in one place. How Slack reaches it is `service.slack.hosting`."""

import logging

from slack_bolt.async_app import AsyncApp

from service.slack.changes import Changes
from service.slack.clicks import Clicks
from service.slack.commands import Commands
from service.slack.context import SlackContext
from service.slack.home import Home
from service.slack.identity import Identities
from service.slack.replies import Replies

logger = logging.getLogger("midwatch.slack")


def create_slack_app(context: SlackContext) -> AsyncApp:
    """The app, not yet connected to anything. It asks Slack nothing until the first request."""
    secret = context.slack.signing_secret
    app = AsyncApp(
        client=context.client.web,
        signing_secret=secret.get_secret_value() if secret else "",
        logger=logger,
        raise_error_for_unhandled_request=False,
    )
    identities = Identities(client=context.client, directory=context.directory)
    for part in (Clicks, Changes, Commands, Replies, Home):
        part(context, identities).register(app)
    return app
