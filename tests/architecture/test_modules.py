"""How modules must look (STYLE.md): they say why they exist, stay small, and the pure floor stays pure."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]

LONGEST_FILE = 450  # lines; the models that STYLE.md names have a median of 150
LONGEST_FUNCTION = 60  # lines with signature and docstring; the models' mean is 13 to 19
LONGEST_MEAN = 20  # lines, over all functions of the product

# What may be longer, each with its reason. Nothing gets in here that could be two ideas.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_migration(path: Path) -> bool:
    """Whether it is a step of the database's schema: one list of statements, however long, and never edited again."""
    return "migrations" in path.parts


def functions(path: Path) -> Iterator[tuple[str, Function]]:
    """Every function of a file, named `folder/file.py::function`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield f"{path.relative_to(ROOT)}::{node.name}", node


def length(node: Function) -> int:
    """Lines from `def` to the last one, decorators left out."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_every_module_says_why_it_exists(python: list[Path]) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python
        if path.read_text().strip() and ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert silent == []


def test_an_init_file_is_empty_or_one_docstring(product: list[Path]) -> None:
    busy = [
        str(path.relative_to(ROOT))
        for path in product
        if path.name == "__init__.py"
        for body in [ast.parse(path.read_text()).body]
        if body and not (len(body) == 1 and isinstance(body[0], ast.Expr))
    ]
    assert busy == []


def test_every_folder_of_modules_is_a_package(product: list[Path]) -> None:
    """A folder without __init__.py is invisible to import-linter, so that no contract would hold in it."""
    folders = {path.parent for path in product if not is_migration(path)}
    assert [str(folder.relative_to(ROOT)) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_no_file_is_too_long(python: list[Path]) -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in python if not is_migration(path)
    }
    long = {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE and name not in LONG_FILES}
    assert long == {}


def test_no_function_is_too_long(product: list[Path]) -> None:
    lengths = {name: length(node) for path in product if not is_migration(path) for name, node in functions(path)}
    long = {name: lines for name, lines in lengths.items() if lines > LONGEST_FUNCTION and name not in LONG_FUNCTIONS}
    assert long == {}


def test_functions_are_short_on_average(product: list[Path]) -> None:
    lengths = [length(node) for path in product if not is_migration(path) for _, node in functions(path)]
    assert sum(lengths) / len(lengths) < LONGEST_MEAN


def test_exceptions_to_the_lengths_are_still_needed(python: list[Path]) -> None:
    files = {str(path.relative_to(ROOT)) for path in python}
    names = {name for path in python for name, _ in functions(path)}
    assert set(LONG_FILES) <= files
    assert set(LONG_FUNCTIONS) <= names


def test_the_pure_floor_neither_waits_nor_reads_a_clock(product: list[Path]) -> None:
    impure = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in product
        if path.relative_to(ROOT).parts[0] == "incidents"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.AsyncFunctionDef | ast.Await)
        or (isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"})
        or (isinstance(node, ast.Name) and node.id in {"open", "print", "input"})
    ]
    assert impure == []


def test_no_file_has_a_name_that_means_nothing(product: list[Path]) -> None:
    nameless = {"utils.py", "util.py", "helpers.py", "common.py", "manager.py", "misc.py"}
    assert [str(path.relative_to(ROOT)) for path in product if path.name in nameless] == []


def test_no_test_patches_what_it_tests(python: list[Path]) -> None:
    patching = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and node.module == "unittest.mock")
        or (isinstance(node, ast.Import) and any(name.name == "unittest.mock" for name in node.names))
    ]
    assert patching == []
