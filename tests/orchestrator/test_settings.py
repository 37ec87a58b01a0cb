"""Settings: where they come from, what wins, and that the example files tell the truth."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel, SecretStr

from incidents.alert import Severity
from orchestrator.part import Part
from orchestrator.settings import InvalidSettingsError, Role, Settings, load

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No midwatch.yaml of the person who runs the tests."""
    monkeypatch.chdir(tmp_path)


def names(
    model: type[BaseModel], *, prefix: str = "MIDWATCH_", path: tuple[str, ...] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Part):
            yield from names(field.annotation, prefix=f"{prefix}{name.upper()}__", path=(*path, name))
        else:
            yield prefix + name.upper(), (*path, name)


def sourced(text: str) -> dict[str, str]:
    """What a shell makes of it, in the way in which its own header says to use it."""
    script = f"set -a\n{text}\nset +a\nenv -0"
    told = subprocess.run(["sh", "-euc", script], env={"PATH": os.environ["PATH"]}, capture_output=True, check=True)
    assert told.stderr == b""
    pairs = (pair.split("=", 1) for pair in told.stdout.decode().split("\0") if pair.startswith("MIDWATCH_"))
    return dict(pairs)


def example() -> dict[str, str]:
    return sourced((ROOT / ".env.example").read_text())


def taken_up() -> str:
    """The example with its examples in comments taken up, as people do it: by taking the comment sign away."""
    return re.sub(r"^# (?=MIDWATCH_\w+='[^']*'$)", "", (ROOT / ".env.example").read_text(), flags=re.MULTILINE)


def test_the_example_names_every_setting_and_nothing_else() -> None:
    assert sorted(example()) == sorted(name for name, _ in names(Settings))


def test_the_example_states_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in example().items():
        monkeypatch.setenv(name, value)
    assert load() == Settings.model_construct(
        **{n: f.get_default(call_default_factory=True) for n, f in Settings.model_fields.items()}
    )


def test_examples_in_comments_count_when_they_are_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sourced(taken_up()).items():
        monkeypatch.setenv(name, value)
    settings = load()
    assert [person.name for person in settings.people] == ["ada"]
    assert [user.username for user in settings.webhook.users] == ["alertmanager"]
    assert [cluster.name for cluster in settings.clusters] == ["prod-eu"]
    assert [route.channel for route in settings.slack.routes] == ["#payments"]
    assert not re.search(r"^# MIDWATCH_\w+=", taken_up(), flags=re.MULTILINE), "every example is taken up"


def test_the_yaml_example_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDWATCH_CONFIG", str(ROOT / "midwatch.example.yaml"))
    settings = load()
    assert settings.clusters[0].name == "prod-eu"
    assert settings.severity_of({"severity": "BLOCKER"}) is Severity.SEV1
    assert settings.severity_of({"severity": "critical"}) is Severity.SEV1


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "midwatch.yaml").write_text(
        yaml.safe_dump({"workers": 2, "listen": {"port": 1000, "host": "127.0.0.2"}})
    )
    monkeypatch.setenv("MIDWATCH_LISTEN__PORT", "2000")
    settings = load()
    assert (settings.workers, settings.listen.port, settings.listen.host) == (2, 2000, "127.0.0.2")
    assert load(workers=7).workers == 7


def test_lists_may_be_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDWATCH_ROLES", "web, worker")
    monkeypatch.setenv("MIDWATCH_WEBHOOK__TOKENS", '["one-token", "another"]')
    settings = load()
    assert settings.roles == (Role.WEB, Role.WORKER)
    assert settings.webhook.tokens == (SecretStr("one-token"), SecretStr("another"))


@pytest.mark.parametrize("token", ["9123456789012345", "1e5", "true", "null"])
def test_a_token_that_looks_like_a_number_is_a_token(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDWATCH_WEBHOOK__TOKENS", token)
    assert load().webhook.tokens == (SecretStr(token),)


def test_a_model_may_be_named_alone_or_with_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDWATCH_MODEL", "openai:gpt-5.2")
    monkeypatch.setenv("MIDWATCH_MODEL__BASE_URL", "http://127.0.0.1:1/v1")
    model = load().model
    assert (model.name, model.base_url) == ("openai:gpt-5.2", "http://127.0.0.1:1/v1")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        pytest.param(
            {"MIDWATCH_LISTEN__PORT": "99999"},
            r"listen\.port \(MIDWATCH_LISTEN__PORT\)",
            id="a port out of range is named",
        ),
        pytest.param({"MIDWATCH_CLOCK": "yesterday"}, r"MIDWATCH_CLOCK.*EPOCH@WALL\*RATE", id="a clock says its form"),
        pytest.param(
            {"MIDWATCH_DATABASE_URL": "mysql://x"}, r"postgresql://user", id="another database is refused with the form"
        ),
        pytest.param(
            {"MIDWATCH_LISTN__PORT": "1"},
            r"MIDWATCH_LISTN__PORT.*MIDWATCH_LISTEN",
            id="a typo is answered with the nearest name",
        ),
        pytest.param(
            {"MIDWATCH_PERIODS__TAKEOVER_SECONDS": "3"},
            r"at least twice heartbeat_seconds",
            id="a takeover that is too eager is refused",
        ),
        pytest.param(
            {"MIDWATCH_PEOPLE": '[{"name": "a", "token": "short"}]'}, r"people\.0\.token", id="a short token is refused"
        ),
        pytest.param(
            {"MIDWATCH_CLUSTERS": '[{"name": "a"}, {"name": "a"}]'},
            r"the name a is there twice",
            id="two clusters of one name are refused",
        ),
        pytest.param(
            {"MIDWATCH_CONFIG": "/nowhere.yaml"}, r"there is no such file", id="a file that is not there is named"
        ),
        pytest.param({"MIDWATCH_BUDGET": "much"}, r"budget", id="a group that is no JSON is named"),
        pytest.param(
            {"MIDWATCH_TICKETS__LABELS": "[incident]"},
            r"tickets\.labels \(MIDWATCH_TICKETS__LABELS\) is no JSON .*single quotes",
            id="a list from which a shell took the quotation marks is named with its variable",
        ),
        pytest.param(
            {"MIDWATCH_LISTEN__PUBLIC_URL": "midwatch.example.com"},
            r"listen\.public_url \(MIDWATCH_LISTEN__PUBLIC_URL\): write https://",
            id="a base of links without its scheme",
        ),
        pytest.param(
            {"MIDWATCH_CLUSTERS": '[{"name": "prod/eu"}]'},
            r"clusters\.0\.name .*write the value of the alerts' label",
            id="a cluster whose name no id of its entities could begin with",
        ),
        pytest.param({"MIDWATCH_CLUSTERS": '[{"name": " "}]'}, r"clusters\.0\.name", id="a cluster without a name"),
        pytest.param(
            {"MIDWATCH_PEOPLE": '[{"name": '}, r"people.*JSON", id="a list whose JSON is broken is no list of words"
        ),
        pytest.param(
            {"MIDWATCH_CLUSTERS": '[{"name": "a", "promethues": {}}]'},
            r"clusters\.0\.promethues \(MIDWATCH_CLUSTERS\): there is no such field; prometheus\?",
            id="a field that is misspelt is answered with the nearest one, and the variable that holds the list",
        ),
        pytest.param(
            {"MIDWATCH_ROLES": "webb"}, r"roles\.0 \(MIDWATCH_ROLES\): write 'web'", id="a role names the others"
        ),
        pytest.param({"MIDWATCH_LOG_LEVEL": "loud"}, r"log_level.*'DEBUG'", id="a log level that is none"),
        pytest.param(
            {"MIDWATCH_CLUSTERS": '[{"name": "a", "prometheus": {"url": "prometheus:9090"}}]'},
            r"clusters\.0\.prometheus\.url.*http://",
            id="an address without its scheme",
        ),
    ],
)
def test_what_cannot_be_used_is_named(variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettingsError, match=said):
        load()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "listen:\n  prot: 1\n", r"midwatch\.yaml:2: listen\.prot: .*; port\?", id="the line of a misspelt field"
        ),
        pytest.param(
            "people:\n  - name: ada\n    rols: [oncall]\n    token: 0123456789abcdef\n",
            r"midwatch\.yaml:3: people\.0\.rols: .*; roles\?",
            id="the line within a list",
        ),
        pytest.param("listen: [\n", r"midwatch\.yaml:2 is no YAML", id="what is no YAML at all"),
        pytest.param("listen: 3\n", r"midwatch\.yaml:1: listen: write a group", id="a group that is a number"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_by_its_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "midwatch.yaml").write_text(text)
    with pytest.raises(InvalidSettingsError, match=said):
        load()


def test_a_secret_is_not_repeated_in_what_is_said_about_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDWATCH_PEOPLE", '[{"name": "ada", "token": "s3cret"}]')
    with pytest.raises(InvalidSettingsError) as told:
        load()
    assert "at least 16" in str(told.value)
    assert "s3cret" not in str(told.value)
    monkeypatch.setenv("MIDWATCH_PEOPLE", '[{"name": "ada", "token": s3cret}]')
    with pytest.raises(InvalidSettingsError, match="MIDWATCH_PEOPLE") as told:
        load()
    assert "s3cret" not in str(told.value)


def test_an_unknown_name_in_the_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "midwatch.yaml").write_text("wrokers: 2\n")
    with pytest.raises(InvalidSettingsError, match="wrokers"):
        load()


@pytest.mark.parametrize(
    ("labels", "severity"),
    [
        pytest.param({"severity": "critical"}, Severity.SEV1, id="critical is the worst"),
        pytest.param({"severity": "MAJOR"}, Severity.SEV2, id="case does not matter"),
        pytest.param({"severity": "严重"}, Severity.SEV1, id="other languages are known"),
        pytest.param({"severity": "", "priority": "P3"}, Severity.SEV3, id="an empty label is passed over"),
        pytest.param({"severity": "gibberish"}, Severity.SEV3, id="an unknown word is in the middle"),
        pytest.param({}, Severity.SEV3, id="no word is in the middle"),
        pytest.param({"severity": "none"}, Severity.SEV4, id="none is the mildest"),
    ],
)
def test_words_map_onto_severities(labels: dict[str, str], severity: Severity) -> None:
    assert load().severity_of(labels) is severity


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDWATCH_PEOPLE", '[{"name": "ada", "token": "this-must-not-be-shown"}]')
    shown: Any = load()
    assert "this-must-not-be-shown" not in repr(shown)
