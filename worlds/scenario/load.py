"""Read a scenario file. What is wrong with it is said with file, line and field."""

from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from incidents.misfit import misfits, told
from worlds.scenario.scenario import Scenario

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ScenarioError(ValueError):
    """The scenario cannot be read: each line of the message names file, line and field, and what is wrong there."""


def load_scenario(path: Path) -> Scenario:
    """Read a scenario and the base estate that it may name. Raises ScenarioError."""
    node, raw = _read(path)
    base = raw.pop("base", None)
    base_path, base_node = path, None
    if base is not None:
        base_path = (path.parent / str(base)).resolve()
        base_node, estate = _estate(base_path)
        raw["estate"] = _merged(estate, raw.get("estate") or {})
    if raw.get("rules"):
        raw["rules"] = str((path.parent / str(raw["rules"])).resolve())
    raw.setdefault("name", path.stem)
    raw.setdefault("family", path.parent.name)
    try:
        return Scenario.model_validate(raw)
    except ValidationError as error:
        lines = [_describe(problem, (path, node), (base_path, base_node)) for problem in misfits(error)]
        raise ScenarioError("\n".join(lines)) from error


def _read(path: Path) -> tuple[yaml.Node, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        node, raw = yaml.compose(text, Loader=_LOADER), yaml.load(text, Loader=_LOADER)  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        why = getattr(error, "problem", None) or "it cannot be parsed"
        raise ScenarioError(f"{path}{line}: no YAML: {why}: look at indentation, brackets and quotes") from error
    if node is None or not isinstance(raw, dict):
        raise ScenarioError(f"{path}:1: a scenario is a mapping with name, title, estate, faults and truth")
    return node, raw


def _estate(path: Path) -> tuple[yaml.Node, dict[str, Any]]:
    """A base estate, read once as long as the file is the same: most scenarios of a library share two."""
    if not path.is_file():
        return _read(path)
    node, raw = _read_version(path, path.stat().st_mtime_ns)
    return node, deepcopy(raw)


@lru_cache(maxsize=16)
def _read_version(path: Path, _version: int) -> tuple[yaml.Node, dict[str, Any]]:
    return _read(path)


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Lay a scenario's own estate over its base. Lists of named things are merged by their names."""
    merged = dict(base)
    for key, value in over.items():
        was = merged.get(key)
        if isinstance(was, dict) and isinstance(value, dict):
            merged[key] = _merged(was, value)
        elif isinstance(was, list) and isinstance(value, list) and _named(was) and _named(value):
            merged[key] = _merged_list(was, value)
        else:
            merged[key] = value
    return merged


def _named(items: list[Any]) -> bool:
    return all(isinstance(item, dict) and "name" in item for item in items)


def _merged_list(base: list[dict[str, Any]], over: list[dict[str, Any]]) -> list[dict[str, Any]]:
    result = [dict(item) for item in base]
    for item in over:
        same = [
            i for i, was in enumerate(result) if all(was.get(k) == item[k] for k in ("name", "namespace") if k in item)
        ]
        if same:
            result[same[0]] = _merged(result[same[0]], item)
        else:
            result.append(item)
    return result


def _describe(problem: Any, own: tuple[Path, yaml.Node], base: tuple[Path, yaml.Node | None]) -> str:
    where = [step for step in problem["loc"] if not (isinstance(step, str) and step.startswith("function-"))]
    field = ".".join(str(step) for step in where) or "the scenario"
    path, line = own[0], _line(own[1], where)
    if where[:1] == ["estate"] and base[1] is not None:
        path, line = base[0], _line(base[1], where[1:])
    return f"{path}:{line}: {field}: {told(problem, Scenario)}"


def _line(node: yaml.Node, where: list[Any]) -> int:
    """Return the line of the deepest part of the path that the document has, counted from 1."""
    line = node.start_mark.line + 1
    for step in where:
        inner: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    inner, line = value, key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            inner = node.value[step]
            line = inner.start_mark.line + 1
        if inner is None:
            break
        node = inner
    return line
