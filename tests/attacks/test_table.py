"""The table in docs/security.md is what is tried: a row per attack, none by hand, and not fewer than were promised."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.attacks.attack import HERE, attack, table
from tests.attacks.write_table import PAGE, written

PROMISED = 40
ROOT = Path(__file__).parents[2]


def test_the_page_shows_what_is_tried() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == written(page), "run python -m tests.attacks.write_table"


def test_as_many_as_promised() -> None:
    assert len(table()) >= PROMISED


def test_a_row_is_a_test_that_is_run() -> None:
    """A decorated function that pytest does not collect would be a row that nobody tries."""
    found = []
    for path in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            names = [
                one.func.id
                for one in node.decorator_list
                if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)
            ]
            if "attack" in names:
                found.append(node.name)
    assert len(found) == len(table())
    assert [name for name in found if not name.startswith("test_")] == []


def test_two_rows_cannot_share_an_id() -> None:
    def other() -> None:
        """Another attack."""

    with pytest.raises(ValueError, match=table()[0].id):
        attack(table()[0].id, "another", tried="x", stopped="y")(other)


def test_every_promise_names_what_holds_it() -> None:
    """Rows that exist, and tests that exist, behind `Held by` of every promise."""
    page = PAGE.read_text(encoding="utf-8")
    promises = page.partition("## What is promised")[2].partition("\n## ")[0]
    held = [re.sub(r"\s+", " ", part) for part in re.split(r"(?m)^\d+\. ", promises)[1:]]
    rows = {row.id for row in table()}
    assert len(held) >= 11
    for promise in held:
        named = re.findall(r"`([^`]+)`", promise.partition("Held by ")[2])
        assert named, f"nothing is named behind: {promise[:80]}"
        missing = [name for name in named if name not in rows and not (ROOT / name).exists()]
        assert missing == [], promise[:80]
