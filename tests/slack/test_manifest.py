"""The app's manifest asks for exactly what the code uses: its scopes, its events, its command."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CODE = "\n".join(
    path.read_text() for folder in ("tools/slack", "service/slack") for path in sorted((ROOT / folder).glob("*.py"))
)
SCOPES = {
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "chat_postEphemeral": {"chat:write"},
    "conversations_history": {"channels:history", "groups:history"},
    "conversations_replies": {"channels:history", "groups:history"},
    "conversations_list": {"channels:read", "groups:read"},
    "users_info": {"users:read", "users:read.email"},
    "files_upload_v2": {"files:write"},
    "views_open": set(),
    "views_publish": set(),
    "auth_test": set(),
}
"""Scopes that each method of the Web API takes, by Slack's reference."""
OF_EVENTS = {"app_mention": {"app_mentions:read"}, "message": {"channels:history", "groups:history"}}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "slack-manifest.yaml").read_text())
    return found


def test_every_method_that_is_called_has_known_scopes() -> None:
    called = set(re.findall(r"self\.web\.(\w+)\(", CODE))
    assert called == set(SCOPES)


def test_the_scopes_are_those_that_are_used(manifest: dict[str, Any]) -> None:
    asked = set(manifest["oauth_config"]["scopes"]["bot"])
    used = set().union(*SCOPES.values(), *OF_EVENTS.values(), {"commands"})
    assert asked == used


def test_the_events_are_those_that_are_handled(manifest: dict[str, Any]) -> None:
    asked = {name.split(".")[0] for name in manifest["settings"]["event_subscriptions"]["bot_events"]}
    handled = {name for name in ("message", "app_mention", "app_home_opened") if f'"{name}"' in CODE}
    assert asked == handled == {"message", "app_mention", "app_home_opened"}


def test_the_command_is_the_one_that_is_taken(manifest: dict[str, Any]) -> None:
    [command] = manifest["features"]["slash_commands"]
    assert re.findall(r'app\.command\("([^"]+)"\)', CODE) == [command["command"]]


def test_texts_are_as_long_as_slack_takes_them(manifest: dict[str, Any]) -> None:
    display = manifest["display_information"]
    assert len(display["name"]) <= 35
    assert len(display["description"]) <= 140
    assert 175 <= len(display["long_description"]) <= 4000
