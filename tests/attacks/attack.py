"""The table of attacks: a test function is one row, and the row says how it is tried and what stops it.

`docs/security.md` shows the same table; a test holds the two together. A row passes when the attack did not succeed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

TestT = TypeVar("TestT", bound=Callable[..., Any])

TABLE: dict[str, Attack] = {}
HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One row."""

    id: str
    name: str
    tried: str
    """How, in a sentence."""
    stopped: str
    """By what."""

    @property
    def row(self) -> str:
        """As docs/security.md shows it."""
        return f"| {self.id} | {self.name} | {self.tried} | {self.stopped} | stopped |"


def attack(id: str, name: str, *, tried: str, stopped: str) -> Callable[[TestT], TestT]:  # noqa: A002 - a row's own word
    """Make a test a row of the table."""

    def mark(test: TestT) -> TestT:
        row = Attack(id=id, name=name, tried=tried, stopped=stopped)
        known = TABLE.setdefault(id, row)
        if known != row:
            message = f"two attacks are called {id}"
            raise ValueError(message)
        test.attack = row  # type: ignore[attr-defined] # read by conftest
        return test

    return mark


def table() -> tuple[Attack, ...]:
    """Every row, by id. A new file `test_*.py` in this folder is read without being named anywhere."""
    for path in sorted(HERE.glob("test_*.py")):
        importlib.import_module(f"tests.attacks.{path.stem}")
    return tuple(TABLE[key] for key in sorted(TABLE))
