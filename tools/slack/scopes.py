"""The scopes of the Slack app, by what needs them: what doctor compares with what a workspace granted.

`deploy/slack-manifest.yaml` asks for exactly these; a test holds the two together with the methods that are called.
"""

from collections.abc import Mapping

METHODS: Mapping[str, frozenset[str]] = {
    "chat_postMessage": frozenset({"chat:write"}),
    "chat_update": frozenset({"chat:write"}),
    "chat_postEphemeral": frozenset({"chat:write"}),
    "chat_startStream": frozenset({"chat:write"}),
    "chat_stopStream": frozenset({"chat:write"}),
    "conversations_history": frozenset({"channels:history", "groups:history"}),
    "conversations_replies": frozenset({"channels:history", "groups:history"}),
    "conversations_list": frozenset({"channels:read", "groups:read"}),
    "conversations_info": frozenset({"channels:read", "groups:read"}),
    "users_info": frozenset({"users:read", "users:read.email"}),
    "usergroups_list": frozenset({"usergroups:read"}),
    "files_upload_v2": frozenset({"files:write"}),
    "views_open": frozenset(),
    "views_publish": frozenset(),
    "auth_test": frozenset(),
}
"""By each method of the Web API that is called with the bot's token, as Slack's reference says."""
EVENTS: Mapping[str, frozenset[str]] = {
    "app_mention": frozenset({"app_mentions:read"}),
    "message": frozenset({"channels:history", "groups:history", "im:history"}),
    "app_home_opened": frozenset(),
}
COMMANDS = frozenset({"commands"})
NEEDED: frozenset[str] = frozenset().union(*METHODS.values(), *EVENTS.values(), COMMANDS)

LOST: Mapping[str, str] = {
    "chat:write": "nothing can be posted",
    "commands": "/midwatch is not known",
    "channels:read": "public channels are not found by name",
    "groups:read": "private channels are not found by name",
    "channels:history": "replies in threads of public channels are not heard, and a lost post may come twice",
    "groups:history": "the same in private channels",
    "im:history": "questions in messages to Midwatch are not heard",
    "app_mentions:read": "questions by @Midwatch are not heard",
    "users:read": "nobody who clicks is known",
    "users:read.email": "people are known only where the directory names their Slack id",
    "usergroups:read": "whether the group to call exists cannot be checked",
    "files:write": "no charts",
}
"""What does not work without it."""
