"""What `midwatch serve` warns of at its start: settings that are allowed and hardly meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.settings import Role, Settings, Token, Webhook
from service.commands.run import forewarned

WEBHOOK = Webhook(tokens=("0123456789abcdef",))
PEOPLE = (Token(name="ada", token="0123456789abcdef"),)
CLUSTERS = ({"name": "prod-eu"},)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({}, ["deliver alerts", "sign in", "No cluster"], id="nothing is set"),
        pytest.param({"webhook": WEBHOOK, "people": PEOPLE, "clusters": CLUSTERS}, [], id="all that is needed"),
        pytest.param(
            {"roles": (Role.EXECUTOR,), "clusters": CLUSTERS},
            [],
            id="an executor alone needs neither webhook nor people",
        ),
        pytest.param(
            {"webhook": WEBHOOK, "people": PEOPLE, "clusters": CLUSTERS, "runbooks": (Path("nowhere"),)},
            ["there is no such folder"],
            id="a folder of runbooks that is not there",
        ),
    ],
)
def test_what_is_hardly_meant_is_said(
    settings: dict[str, object], said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    warnings = list(forewarned(Settings(**settings)))  # type: ignore[arg-type] # checked by pydantic
    assert len(warnings) == len(said), warnings
    assert all(words in warning for words, warning in zip(said, warnings, strict=True)), warnings
