"""Everything that can be set: `midwatch.yaml` and `MIDWATCH_*` (the environment wins).

One class, one place that reads them.

Nested values are written `MIDWATCH_LISTEN__PORT`; lists and maps as JSON. `.env.example` and `midwatch.example.yaml`
name each.
"""

import os
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    YamlConfigSettingsSource,
)
from yaml import YAMLError

from incidents.alert import Severity
from incidents.approval import Person
from incidents.ids import PersonId
from orchestrator.environment import Environment, unknown_names
from orchestrator.objections import objections
from orchestrator.oidc_settings import Oidc
from orchestrator.part import Part
from orchestrator.policy.lines import unreadable
from orchestrator.slack_settings import Slack
from orchestrator.ticket_settings import Tickets
from tools.address import AskedUrl, ShownUrl
from tools.clock import Clock, clock_of
from tools.estate import Connections

FILE_VARIABLE = "MIDWATCH_CONFIG"
FILE_NAME = "midwatch.yaml"


class InvalidSettingsError(Exception):
    """Some settings cannot be used; the message names each, what is wrong, and what to write instead."""


class Role(StrEnum):
    """What a process of Midwatch does. All of them by default."""

    WEB = "web"
    WORKER = "worker"
    EXECUTOR = "executor"
    """The only one that is given write credentials."""
    WATCHER = "watcher"
    """Looks for what nobody alerts about, when `ambient` is enabled."""


class Listen(Part):
    """Where the console, the API and the webhook are served."""

    host: str = "127.0.0.1"
    port: int = Field(default=8484, ge=0, le=65535)
    """0 takes a free one."""
    public_url: ShownUrl = ""
    """Base of links that people open; `http://<host>:<port>` when empty."""


class Token(Part):
    """A person who signs in with a token.

    `roles` decide what they may do: viewer, oncall, owner of something, admin.
    """

    name: str
    token: SecretStr = Field(min_length=16)
    roles: tuple[str, ...] = ("viewer",)
    email: str = ""
    """Identity in the ledger; `token:<name>` when empty."""

    @property
    def person(self) -> Person:
        """Who this is."""
        return Person(id=PersonId(self.email or f"token:{self.name}"), name=self.name, roles=self.roles)


class BasicUser(Part):
    """A user name and password that Alertmanager may send."""

    username: str
    password: SecretStr = Field(min_length=8)


class Webhook(Part):
    """Who may deliver alerts, and how much at once. Without any token or user, nobody may."""

    tokens: tuple[SecretStr, ...] = ()
    """Bearer tokens; several while one is being changed."""
    users: tuple[BasicUser, ...] = ()
    max_bytes: int = Field(default=5 * 1024 * 1024, ge=1024)
    max_alerts: int = Field(default=2000, ge=1)
    max_waiting: int = Field(default=32, ge=1)
    """Deliveries that one process takes in at the same time; more are answered 503 and sent again by Alertmanager."""


KNOWN_WORDS: dict[str, Severity] = {
    **dict.fromkeys(("critical", "page", "emergency", "disaster", "fatal", "p1", "sev1", "1", "严重"), Severity.SEV1),
    **dict.fromkeys(("error", "major", "high", "p2", "sev2", "2"), Severity.SEV2),
    **dict.fromkeys(("warning", "warn", "minor", "average", "medium", "p3", "sev3", "3", "警告"), Severity.SEV3),
    **dict.fromkeys(("info", "information", "notice", "low", "none", "p4", "sev4", "4"), Severity.SEV4),
}
"""What alerts call their severity, in kube-prometheus, Zabbix, PagerDuty and elsewhere."""


class SeverityMap(Part):
    """How the words of alerts map onto SEV1 to SEV4. Words are compared without regard to case."""

    labels: tuple[str, ...] = ("severity", "priority", "level")
    """Labels that carry it; the first that an alert has counts."""
    words: dict[str, Severity] = KNOWN_WORDS
    """Words of your own; those that are known stay known unless they are given another meaning."""
    unknown: Severity = Severity.SEV3
    """For words that are not in the map, and for alerts without any."""

    @field_validator("words", "unknown", mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        """Accept `SEV1` besides 1."""
        if isinstance(value, dict):
            return KNOWN_WORDS | {str(word).casefold(): _severity(level) for word, level in value.items()}
        return _severity(value)

    def of(self, labels: Mapping[str, str]) -> Severity:
        """The severity that an alert's labels mean."""
        word = next((labels[name] for name in self.labels if labels.get(name)), "")
        return self.words.get(word.strip().casefold(), self.unknown)


class Budget(Part):
    """How much one investigation may use before it has to answer with what it has."""

    rounds: int = Field(default=3, ge=1, le=10)
    probes: int = Field(default=200, ge=1)
    seconds: float = Field(default=120.0, gt=0)


class Model(Part):
    """The model engine. Without a name the rule engine works alone."""

    name: str = ""
    """`provider:model` as LangChain names them, for example `openai:gpt-5.2`. `MIDWATCH_MODEL=...` alone sets it."""
    base_url: AskedUrl = ""
    api_key: SecretStr | None = None
    """The provider's own environment variable serves too."""
    temperature: float = Field(default=0.0, ge=0, le=2)
    timeout_seconds: float = Field(default=60.0, gt=0)
    max_calls: int = Field(default=30, ge=1)
    max_tokens: int = Field(default=200_000, ge=1)
    max_usd: float = Field(default=1.0, ge=0)
    usd_per_million_in: float = Field(default=0.0, ge=0)
    usd_per_million_out: float = Field(default=0.0, ge=0)


class Periods(Part):
    """How often and how long, in seconds.

    Leases and polls are wall-clock time; expiry and windows are the clock's time.
    """

    lease_seconds: float = Field(default=15.0, gt=0)
    """How long a process owns an incident without renewing; after a kill the next one waits at most that long."""
    heartbeat_seconds: float = Field(default=2.0, gt=0)
    takeover_seconds: float = Field(default=6.0, gt=0)
    """A worker that was silent for that long is taken for dead and its jobs are taken over."""
    sweep_seconds: float = Field(default=5.0, gt=0)
    poll_seconds: float = Field(default=2.0, gt=0)
    """How often a worker looks for jobs when no notification came."""
    expiry_seconds: float | None = Field(default=None, gt=0)
    """How long a proposal waits for its decision; what the policy's rule says when not given."""
    watch_seconds: float = Field(default=600.0, gt=0)
    """Length of the verification window."""
    measure_seconds: float = Field(default=15.0, gt=0, le=60)
    """How often the checks are measured within it; less often, and nobody could say that a value held."""
    twin_seconds: float = Field(default=4.0, ge=0, le=60)
    """How long a change may be tried in a twin before it is proposed, in real seconds; 0 leaves it out."""
    merge_seconds: float = Field(default=14400.0, gt=0)
    """How long a pull request that Midwatch opened waits for somebody to merge it, before people take over."""

    @model_validator(mode="after")
    def _beats_often_enough(self) -> Self:
        if self.takeover_seconds < 2 * self.heartbeat_seconds:
            message = "takeover_seconds must be at least twice heartbeat_seconds, or live workers are taken for dead"
            raise ValueError(message)
        return self


class Ambient(Part):
    """What the watcher role looks for although nothing alerts: waste, certificates near their end, filling volumes."""

    enabled: bool = False
    every_seconds: float = Field(default=3600.0, gt=0)
    """How often it looks at every cluster, in the clock's time."""
    most_incidents: int = Field(default=3, ge=1)
    """New incidents of one round and cluster at most; the most pressing first."""


class Audit(Part):
    """Who signs heads of the ledger, how often, and where they go besides the database and the data folder."""

    key: Path | None = None
    """The Ed25519 key (PEM) of workers and executors; made as `audit/signing.pem` under `data_dir` when not given."""
    public_keys: tuple[str, ...] = ()
    """Keys whose signatures count besides those under `data_dir`: base64, or paths of files."""
    heads: AskedUrl = ""
    """A file, an http(s) address or `-` (standard output) that every signed head is given to as well."""
    sign_seconds: float = Field(default=60.0, gt=0)
    """How often a head is signed when there is something new, in wall-clock seconds."""


class Keep(Part):
    """How long what was seen is kept. Decisions, executions, post-mortems and the ledger are kept for ever."""

    evidence_days: float = Field(default=180.0, ge=0)
    """Days after its incident ended until the text of an observation, and what replays read, is taken out; 0: never."""


def default_data_dir() -> Path:
    """`$XDG_STATE_HOME/midwatch`, or `~/.local/state/midwatch`."""
    state = os.environ.get("XDG_STATE_HOME")
    return Path(state) / "midwatch" if state else Path.home() / ".local" / "state" / "midwatch"


class Settings(BaseSettings):
    """All settings. `load()` reads them; the constructor takes them as arguments, on top of file and environment."""

    model_config = SettingsConfigDict(
        env_prefix="MIDWATCH_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
    )

    database_url: str = ""
    """`postgresql://user:password@host/database`; empty: an embedded server under `data_dir`."""
    data_dir: Path = Field(default_factory=default_data_dir)
    """Where the embedded database lives. Its path should be short (a unix socket lies in it)."""
    clock: str = ""
    """Virtual time as `EPOCH@WALL*RATE`, for demos and evals; empty is real time."""
    listen: Listen = Listen()
    roles: tuple[Role, ...] = tuple(Role)
    workers: int = Field(default=4, ge=1, le=64)
    """Incidents that one process investigates at the same time."""
    clusters: tuple[Connections, ...] = ()
    cluster_labels: tuple[str, ...] = ("cluster", "cluster_name", "k8s_cluster", "kubernetes_cluster")
    """Labels of alerts that name the cluster; the first that an alert has counts."""
    webhook: Webhook = Webhook()
    people: tuple[Token, ...] = ()
    directory: Path | None = None
    """people.yaml: who is who in Slack and at the identity provider, with roles per service and environment."""
    oidc: Oidc = Oidc()
    session_secret: SecretStr | None = None
    """Signs the console's cookies; made up at every start when not given, which signs everybody out."""
    severity: SeverityMap = SeverityMap()
    runbooks: tuple[Path, ...] = ()
    """Folders with runbooks of your own, read besides those that come with Midwatch."""
    eval_results: Path | None = None
    """Folder into which runs of `midwatch eval run --json` are written; the console shows them over time."""
    policy: Path | None = None
    """The policy: a folder with policy.yaml and Rego files, or a file.

    The one that comes with Midwatch (one of on-call for everything in the catalogue) when not given.
    """
    budget: Budget = Budget()
    model: Model = Model()
    periods: Periods = Periods()
    audit: Audit = Audit()
    keep: Keep = Keep()
    ambient: Ambient = Ambient()
    slack: Slack = Slack()
    tickets: Tickets = Tickets()
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"

    _dropped: tuple[str, ...] = PrivateAttr(default=())

    @field_validator("clock")
    @classmethod
    def _is_a_clock(cls, text: str) -> str:
        clock_of(text)
        return text

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_capitals(cls, word: object) -> object:
        return word.upper() if isinstance(word, str) else word

    @field_validator("data_dir")
    @classmethod
    def _without_tilde(cls, path: Path) -> Path:
        return path.expanduser()

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: str) -> str:
        if url and not url.startswith(("postgresql://", "postgres://")):
            message = "write postgresql://user:password@host:5432/database, or leave it out for the embedded server"
            raise ValueError(message)
        return url

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        for what, names in (("clusters", [c.name for c in self.clusters]), ("people", [p.name for p in self.people])):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                message = f"{what}: the name {', '.join(twice)} is there twice; give each its own"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _only_the_executor_writes(self) -> Self:
        """Drop write credentials from a process that has no use for them (invariant 4)."""
        if Role.EXECUTOR not in self.roles:
            given = [one.name for one in self.clusters if one.writable]
            object.__setattr__(self, "clusters", tuple(one.readable for one in self.clusters))
            self._dropped = tuple(given)
        return self

    @property
    def dropped(self) -> tuple[str, ...]:
        """Clusters whose write credentials stand in these settings although this process has no executor role."""
        return self._dropped

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file."""
        del env_settings, dotenv_settings, file_secret_settings
        file = YamlConfigSettingsSource(settings_cls, yaml_file=_file())
        return init_settings, Environment(settings_cls), file

    @cached_property
    def time(self) -> Clock:
        """The clock that `clock` describes."""
        return clock_of(self.clock)

    @property
    def embedded(self) -> bool:
        """Whether the database is the embedded one."""
        return not self.database_url

    def severity_of(self, labels: dict[str, str]) -> Severity:
        """The severity that an alert's labels mean."""
        return self.severity.of(labels)


def load(**overrides: object) -> Settings:
    """Read the settings. Raises InvalidSettingsError that names every setting that is wrong and what to write."""
    if wrong := unknown_names(Settings):
        lines = [f"  {name}: no such setting" + (f"; {near}?" if near else "") for name, near in wrong.items()]
        raise InvalidSettingsError("These environment variables mean nothing:\n" + "\n".join(lines))
    file = _file()
    try:
        return Settings(**overrides)  # type: ignore[arg-type] # checked by pydantic
    except ValidationError as error:
        lines = [f"  {line}" for line in objections(error, settings=Settings, file=file)]
        raise InvalidSettingsError("These settings cannot be used:\n" + "\n".join(lines)) from None
    except YAMLError as error:
        raise InvalidSettingsError(unreadable(str(file or FILE_NAME), error)) from None
    except OSError as error:
        raise InvalidSettingsError(f"{error.filename} cannot be read: {error.strerror}") from None
    except SettingsError as error:
        raise InvalidSettingsError(f"These settings cannot be used:\n  {error.__cause__ or error}") from None


def _file() -> Path | None:
    """The settings file.

    The one that MIDWATCH_CONFIG names, which must exist, else midwatch.yaml here when there is one.
    """
    named = os.environ.get(FILE_VARIABLE)
    if named and not Path(named).is_file():
        raise InvalidSettingsError(f"{FILE_VARIABLE} names {named}, and there is no such file: correct it or unset it")
    return Path(named) if named else Path(FILE_NAME) if Path(FILE_NAME).is_file() else None


def _severity(value: object) -> object:
    return Severity[value.upper()] if isinstance(value, str) and value.upper() in Severity.__members__ else value
