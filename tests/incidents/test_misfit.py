"""Misfits: what people read about a field that they wrote wrongly."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from incidents.misfit import misfits, told


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    effect: Literal["ask", "deny"]
    secret: SecretStr = Field(default=SecretStr("x" * 9), min_length=8)


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rows: tuple[Inner, ...] = ()
    pods: int = Field(default=1, ge=1, le=50)
    one: Inner | None = None


def said(document: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(document)
    return [told(found, Outer) for found in misfits(caught.value)]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param({"pdos": 1}, ["there is no such field; pods?"], id="a misspelt field"),
        pytest.param({"zzz": 1}, ["there is no such field; known are one, pods, rows"], id="a field like none"),
        pytest.param(
            {"rows": [{"efect": "ask"}]},
            ["there is no such field; effect?", "is missing"],
            id="misspelt within a list, and said before what is missing because of it",
        ),
        pytest.param({"one": {"efect": "ask"}}, ["there is no such field; effect?", "is missing"], id="behind a union"),
        pytest.param({"pods": "many"}, ["write a whole number"], id="no number"),
        pytest.param({"pods": 51}, ["write at most 50"], id="too large"),
        pytest.param({"pods": 0}, ["write at least 1"], id="too small"),
        pytest.param({"rows": 3}, ["write a list"], id="no list"),
        pytest.param({"rows": [{"effect": "allow"}]}, ["write 'ask' or 'deny'"], id="a word that is none"),
    ],
)
def test_it_says_what_to_write(document: object, expected: list[str]) -> None:
    assert said(document) == expected


def test_it_repeats_no_value() -> None:
    (line,) = said({"rows": [{"effect": "ask", "secret": "hunter2"}]})
    assert "at least 8" in line
    assert "hunter2" not in line
