"""Settings: where they come from, what wins, and that the example files tell the truth."""

from __future__ import annotations

import re
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


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"MIDWATCH_\w+=", line))


def test_the_example_names_every_setting_and_nothing_else() -> None:
    assert sorted(example()) == sorted(name for name, _ in names(Settings))


def test_the_example_states_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in example().items():
        monkeypatch.setenv(name, value)
    assert load() == Settings.model_construct(
        **{n: f.get_default(call_default_factory=True) for n, f in Settings.model_fields.items()}
    )


@pytest.mark.parametrize(
    "line",
    [
        line[2:]
        for line in (ROOT / ".env.example").read_text().splitlines()
        if line.startswith("# MIDWATCH_") and "=" in line and ". " not in line
    ],
)
def test_commented_examples_can_be_used(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, value = line.split("=", 1)
    monkeypatch.setenv(name, value)
    load()


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
