"""Every configured address is judged: found by walking the settings, so that a new one cannot be forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel, ValidationError

from incidents.policy import OpaServer, Policy, Source
from orchestrator.policy.load import InvalidPolicyError, parse_policy
from orchestrator.settings import Settings
from tools.address import AskedUrl, ShownUrl
from tools.opa.client import ask

METADATA = "http://169.254.169.254/latest"
NAMED_LIKE_ONE = re.compile(r"(url|uri|issuer|address|endpoint|server|heads|webhook|host|console)s?$")
ELSEWHERE = {
    "database_url": "PostgreSQL's own form, which no HTTP client takes",
    "listen.host": "where Midwatch itself listens",
}
"""Named like an address, and none that is asked by HTTP."""
ASKED, SHOWN = (get_args(kind)[1] for kind in (AskedUrl, ShownUrl))


def fields(model: type[BaseModel], *, below: str = "") -> Iterator[tuple[str, set[str], Any]]:
    """Every text of the settings: its path, what marks it, and its default."""
    for name, field in model.model_fields.items():
        path = f"{below}{name}"
        found = kinds(field.annotation) | {mark for one in field.metadata if (mark := mark_of(one))}
        for inner in models(field.annotation):
            yield from fields(inner, below=f"{path}.")
        if found:
            yield path, found, field.default


def kinds(annotation: Any) -> set[str]:
    """`text`, `asked` and `shown`: what an annotation is made of."""
    if annotation is str:
        return {"text"}
    if get_origin(annotation) is Annotated:
        inner, *marks = get_args(annotation)
        return kinds(inner) | {mark for one in marks if (mark := mark_of(one))}
    return {kind for one in get_args(annotation) for kind in kinds(one)}


def mark_of(mark: Any) -> str:
    if mark == ASKED:
        return "asked"
    return "shown" if type(mark) is type(SHOWN) else ""


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, tuple, Annotated, NoneType) or get_args(annotation):
        for one in get_args(annotation):
            yield from models(one)


ALL = {path: (found, default) for path, found, default in fields(Settings)}


def given(path: str, url: str) -> dict[str, Any]:
    """Settings that say nothing but this; a list or a mapping where the settings have one."""
    value: Any = url
    for name in reversed(path.split(".")):
        value = {name: {"maps.example.org": value} if name == "status_pages" else value}
    if "clusters" in value:
        value["clusters"] = [{"name": "prod", **value["clusters"]}]
    return dict(value)


def test_the_walk_finds_what_is_there() -> None:
    assert "asked" in ALL["clusters.prometheus.url"][0]
    assert "shown" in ALL["listen.public_url"][0]
    assert ALL["oidc.client_id"][0] == {"text"}
    assert sum("asked" in found for found, _ in ALL.values()) >= 14


@pytest.mark.parametrize("path", [path for path, (found, _) in ALL.items() if "asked" in found])
def test_an_address_that_is_asked_is_judged(path: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(given(path, METADATA))
    said = {
        ".".join(str(p) for p in e["loc"] if not isinstance(p, int) and p != "maps.example.org"): e["msg"]
        for e in refused.value.errors()
    }
    assert "write the address of the system itself" in said[path]


@pytest.mark.parametrize("path", [path for path in ALL if NAMED_LIKE_ONE.search(path)])
def test_what_is_named_like_an_address_says_whether_it_is_asked(path: str) -> None:
    found, _ = ALL[path]
    assert found & {"asked", "shown"} or path in ELSEWHERE, f"{path}: give it the type AskedUrl or ShownUrl"


@pytest.mark.parametrize("path", [p for p, (_, default) in ALL.items() if str(default).startswith("http")])
def test_what_is_an_address_by_default_says_whether_it_is_asked(path: str) -> None:
    assert ALL[path][0] & {"asked", "shown"}


def addresses(model: type[BaseModel]) -> Mapping[str, set[str]]:
    return {path: found for path, found, _ in fields(model) if NAMED_LIKE_ONE.search(path)}


def test_the_policy_has_one_address_and_its_reader_judges_it() -> None:
    assert list(addresses(Policy)) == ["opa.url"]
    rows = "rules:\n  - {name: all, effect: ask, approvers: [oncall]}\n"
    for url in (METADATA, "HTTP://metadata.google.internal/", "http://0xA9FEA9FE", "ftp://opa", "opa:8181"):
        with pytest.raises(InvalidPolicyError, match=r"policy\.yaml:3: opa: url"):
            parse_policy(f"{rows}opa: {{url: '{url}'}}\n", source="policy.yaml")
    assert parse_policy(f"{rows}opa: {{url: 'http://127.0.0.1:8181'}}\n", source="policy.yaml").opa


async def test_whoever_made_the_policy_the_client_denies_instead_of_asking() -> None:
    found = await ask(OpaServer(url=METADATA), {})
    [denial] = found.denials
    assert denial.source is Source.MIDWATCH
    assert "write the address of the system itself" in denial.why
