"""The app's manifest asks for exactly what the code uses: its scopes, its events, its command."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.slack.scopes import EVENTS, LOST, METHODS, NEEDED

ROOT = Path(__file__).parents[2]
CODE = "\n".join(
    path.read_text() for folder in ("tools/slack", "service/slack") for path in sorted((ROOT / folder).glob("*.py"))
)


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "slack-manifest.yaml").read_text())
    return found


def test_every_method_that_is_called_has_known_scopes() -> None:
    called = set(re.findall(r"self\.web\.(\w+)\(", CODE)) - {"apps_connections_open"}  # with the app-level token
    assert called == set(METHODS)


def test_the_scopes_are_those_that_are_used(manifest: dict[str, Any]) -> None:
    asked = set(manifest["oauth_config"]["scopes"]["bot"])
    assert asked == NEEDED


def test_what_is_lost_without_each_scope_is_known() -> None:
    assert set(LOST) == NEEDED


def test_the_events_are_those_that_are_handled(manifest: dict[str, Any]) -> None:
    asked = {name.split(".")[0] for name in manifest["settings"]["event_subscriptions"]["bot_events"]}
    handled = {name for name in EVENTS if f'"{name}"' in CODE}
    assert asked == handled == set(EVENTS)


def test_people_can_write_to_the_bot_where_messages_to_it_are_heard(manifest: dict[str, Any]) -> None:
    assert "message.im" in manifest["settings"]["event_subscriptions"]["bot_events"]
    assert manifest["features"]["app_home"]["messages_tab_enabled"] is True
    assert manifest["features"]["app_home"]["messages_tab_read_only_enabled"] is False


def test_the_command_is_the_one_that_is_taken(manifest: dict[str, Any]) -> None:
    [command] = manifest["features"]["slash_commands"]
    assert re.findall(r'app\.command\("([^"]+)"\)', CODE) == [command["command"]]


def test_texts_are_as_long_as_slack_takes_them(manifest: dict[str, Any]) -> None:
    display = manifest["display_information"]
    assert len(display["name"]) <= 35
    assert len(display["description"]) <= 140
    assert 175 <= len(display["long_description"]) <= 4000
