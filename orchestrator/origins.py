"""Every setting as people may see it: its value with secrets left out, and where the value comes from."""

import os
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import yaml
from pydantic import BaseModel, SecretStr

from incidents.value import Value
from orchestrator.environment import PREFIX
from orchestrator.settings import FILE_NAME, FILE_VARIABLE, Settings

HIDDEN = "set, not shown"
UNSET = "not set"
SECRET_WORDS = ("password", "secret", "token", "api_key", "authorization")
"""Parts of names whose values are hidden whatever their type: a free-form mapping may hold one too."""


class From(StrEnum):
    """Where a value comes from."""

    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"
    PROCESS = "given at start"
    """By whatever started the process: the demo, a port that was taken."""


class Origin(Value):
    """One setting."""

    path: str
    """`periods.lease_seconds`, `clusters[prod-eu].prometheus.url`."""
    value: str
    source: From
    where: str
    """Name of the variable or the file; empty for the others."""

    @property
    def chosen(self) -> bool:
        """Whether somebody gave it a value."""
        return self.source is not From.DEFAULT and self.value != UNSET

    @property
    def group(self) -> str:
        """Its first part."""
        return self.path.partition(".")[0].partition("[")[0]


def origins(settings: Settings) -> tuple[Origin, ...]:
    """All of them, in the order in which they are declared."""
    path = _file_path()
    written = _written(path)
    defaults = dict(_leaves(Settings.model_construct()))
    found = []
    for name, value in _leaves(settings):
        source, where = _source(name, written, path=path)
        if source is From.DEFAULT and value not in (defaults.get(name), UNSET):
            source = From.PROCESS
        found.append(Origin(path=name, value=value, source=source, where=where))
    return tuple(found)


def _source(name: str, written: Mapping[str, Any], *, path: Path | None) -> tuple[From, str]:
    plain = name.partition("[")[0].split(".")
    for depth in range(len(plain), 0, -1):
        variable = PREFIX + "__".join(plain[:depth]).upper()
        if os.environ.get(variable):
            return From.ENVIRONMENT, variable
    here: Any = written
    for part in plain:
        if not isinstance(here, Mapping) or part not in here:
            return From.DEFAULT, ""
        here = here[part]
    return From.FILE, str(path)


def _file_path() -> Path | None:
    named = os.environ.get(FILE_VARIABLE)
    path = Path(named) if named else Path(FILE_NAME)
    return path if path.is_file() else None


def _written(path: Path | None) -> Mapping[str, Any]:
    """What the file says; nothing when it cannot be read now, which the process found out when it started."""
    if path is None:
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    match value:
        case BaseModel():
            for name in type(value).model_fields:
                yield from _leaves(getattr(value, name, None), f"{path}.{name}" if path else name)
        case tuple() | list() if any(isinstance(item, BaseModel) for item in value):
            for place, item in enumerate(value):
                yield from _leaves(item, f"{path}[{getattr(item, 'name', place)}]")
        case _:
            yield path, _said(path, value)


def _said(path: str, value: object) -> str:
    """As text; never a secret, by its type or by its name."""
    if value is None or value in ("", (), [], {}):
        return UNSET
    named = path.rpartition(".")[2].lower()
    if _holds_secret(value) or any(word in named for word in SECRET_WORDS):
        return HIDDEN
    match value:
        case str():
            return _without_password(value)
        case tuple() | list():
            return ", ".join(_said("", item) for item in value)
        case Mapping():
            return ", ".join(f"{key}: {_said(str(key), item)}" for key, item in value.items())
        case _:
            return str(value)


def _holds_secret(value: object) -> bool:
    match value:
        case SecretStr():
            return True
        case tuple() | list():
            return any(_holds_secret(item) for item in value)
        case Mapping():
            return any(_holds_secret(item) for item in value.values())
        case _:
            return False


def _without_password(text: str) -> str:
    """An address without the password that may be in it."""
    if "://" not in text or "@" not in text:
        return text
    parts = urlsplit(text)
    user = f"{parts.username}:***@" if parts.password else f"{parts.username}@" if parts.username else ""
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=user + host))
