"""Only the executor can act (invariant 4): nobody else gets hold of an action that can be applied, or of a write client.

import-linter sees modules; these are names inside modules that others may import for harmless things (an action's card),
so the names are looked for here.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]

# Names that let their holder change something, by the module that offers them.
HANDLES = {
    "tools.action": {"Action", "actions", "*"},
    "tools.estate": {"WriteCluster", "*"},
}
# Who may hold them. What starts the executor's process assembles it inside this folder, too.
HOLDERS = ("tools", "orchestrator.executor")


def grabs(source: str) -> Iterator[str]:
    """The handles that a module's source imports, as `module.name`; importing the whole module counts as every name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (f"{name.name}.*" for name in node.names if name.name in HANDLES)
        if isinstance(node, ast.ImportFrom) and node.module in HANDLES:
            yield from (f"{node.module}.{name.name}" for name in node.names if name.name in HANDLES[node.module])
        if isinstance(node, ast.ImportFrom) and node.module == "tools":
            yield from (f"tools.{name.name}.*" for name in node.names if f"tools.{name.name}" in HANDLES)


def test_only_the_executor_holds_what_can_change_something(product: list[Path]) -> None:
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text() for path in product}
    holding = {
        module: found
        for module, source in modules.items()
        if not module.startswith(HOLDERS) and (found := sorted(set(grabs(source))))
    }
    assert holding == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        pytest.param("from tools.action import ActionCard", [], id="an action's card changes nothing"),
        pytest.param("from tools.action import actions", ["tools.action.actions"], id="the catalogue of actions"),
        pytest.param(
            "from tools.estate import WriteCluster as C", ["tools.estate.WriteCluster"], id="a write client, renamed"
        ),
        pytest.param("import tools.action as harmless", ["tools.action.*"], id="the whole module"),
        pytest.param("from tools import action", ["tools.action.*"], id="the whole module, from its package"),
        pytest.param("from tools.action import *", ["tools.action.*"], id="every name of it"),
        pytest.param(
            "def later():\n    from tools.action import Action",
            ["tools.action.Action"],
            id="inside a function, for later",
        ),
    ],
)
def test_the_search_sees(source: str, found: list[str]) -> None:
    assert list(grabs(source)) == found
