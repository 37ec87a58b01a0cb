"""Midwatch's side of Slack over a real store, in front of the stand-in; both ways of reaching it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from orchestrator.settings import Settings
from orchestrator.store.database import Store
from tests.orchestrator.servers import a_copy, embedded_server, migrated
from tests.service.web.casebook import NOW, Casebook
from tests.slack.midwatch import slack_settings
from tests.slack.standin.person import Person
from tests.slack.standin.server import Slack, standin
from tests.slack.standin.workspace import Channel
from tools.clock import ManualClock


@pytest.fixture(scope="session")
def slack_server() -> Iterator[str]:
    """The embedded server, with a migrated template database."""
    with migrated(embedded_server()) as url:
        yield url


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def database_url(slack_server: str) -> Iterator[str]:
    with a_copy(slack_server) as url:
        yield url


@pytest.fixture
async def store(database_url: str, clock: ManualClock) -> AsyncIterator[Store]:
    async with Store(database_url, clock=clock) as opened:
        yield opened


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    async with standin() as running:
        running.workspace.add_channel("incidents")
        yield running


@pytest.fixture
def channel(slack: Slack) -> Channel:
    return slack.workspace.channel("#incidents")


@pytest.fixture
def settings(slack: Slack) -> Settings:
    return slack_settings(slack)


@pytest.fixture
def book(store: Store, settings: Settings, clock: ManualClock) -> Casebook:
    return Casebook(store, settings, clock)


@pytest.fixture
def dana(slack: Slack) -> Person:
    """On call; known by the e-mail address of the profile."""
    return Person(slack=slack, user=slack.workspace.add_user("Dana", email="dana@example.com"))


@pytest.fixture
def ada(slack: Slack) -> Person:
    """May look, not decide."""
    return Person(slack=slack, user=slack.workspace.add_user("Ada", email="ada@example.com"))


@pytest.fixture
def sam(slack: Slack) -> Person:
    """Owner of checkout."""
    return Person(slack=slack, user=slack.workspace.add_user("Sam", email="sam@example.com"))
