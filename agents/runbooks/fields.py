"""Reading YAML with its line numbers: values are asked for by type, and every misfit is noted as a problem.

Knows nothing of causes. PyYAML's nodes are used because they carry marks and resolve no tag that was not asked for.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import yaml

from agents.runbooks.problem import Problem, Severity, did_you_mean
from incidents.value import Scalar

SCALAR_TAGS: Mapping[str, Callable[[str], Scalar]] = {
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
    "tag:yaml.org,2002:bool": lambda text: text.lower() in {"true", "yes", "on"},
}


@dataclass(kw_only=True)
class Notes:
    """Where problems of one file are gathered. `offset` turns a node's line into the file's."""

    path: str
    offset: int = 0
    problems: list[Problem] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)

    def line(self, node: yaml.Node) -> int:
        """The node's line in the file, from 1."""
        return int(node.start_mark.line) + 1 + self.offset

    def note(self, node: yaml.Node, *, at: str, message: str, instead: str = "") -> None:
        """Add an error at a node."""
        self.add(line=self.line(node), at=at, message=message, instead=instead)

    def add(self, *, line: int, at: str, message: str, instead: str = "", severity: Severity = Severity.ERROR) -> None:
        """Add a problem at a line."""
        self.problems.append(
            Problem(path=self.path, line=line, field=at, severity=severity, message=message, instead=instead)
        )


@dataclass(frozen=True, kw_only=True)
class Field:
    """One value with its place. `at` is its dotted path: `facts.must[0]`."""

    node: yaml.Node
    at: str
    line: int
    """Where its name stands, or where it begins when it has none."""
    notes: Notes

    def misfit(self, message: str, *, instead: str = "") -> None:
        """Note that this value does not fit."""
        self.notes.add(line=self.line, at=self.at, message=message, instead=instead)

    def text(self) -> str | None:
        """A scalar as it is written. None, and noted, when it is not one."""
        if isinstance(self.node, yaml.ScalarNode):
            return str(self.node.value).strip()
        self.misfit("expected one word or sentence here", instead="write plain text")
        return None

    def scalar(self) -> Scalar | None:
        """A scalar by its YAML type: whole number, number, true or false, else text."""
        text = self.text()
        convert = SCALAR_TAGS.get(self.node.tag)
        return text if text is None or convert is None else convert(text)

    def items(self) -> "list[Field]":
        """The entries of a list; a single scalar counts as a list of one."""
        if isinstance(self.node, yaml.SequenceNode):
            return [self._child(node, at=f"{self.at}[{i}]") for i, node in enumerate(self.node.value)]
        if isinstance(self.node, yaml.ScalarNode):
            return [self] if self.text() else []
        self.misfit("expected a list here", instead=f"write {self.at.rsplit('.', 1)[-1]}: [first, second]")
        return []

    def texts(self) -> tuple[str, ...]:
        """The entries of a list as text."""
        return tuple(text for item in self.items() if (text := item.text()))

    def members(self) -> "dict[str, Field]":
        """The members of a mapping, in their order. A key that comes twice is noted."""
        if not isinstance(self.node, yaml.MappingNode):
            self.misfit("expected `name: value` lines here")
            return {}
        found: dict[str, Field] = {}
        for key, value in self.node.value:
            name = str(key.value).strip()
            if name in found:
                self.notes.note(key, at=self.at, message=f"{name} stands here twice", instead="keep one of them")
            found[name] = self._child(value, at=f"{self.at}.{name}" if self.at else name, named=key)
        return found

    def known_members(self, known: Iterable[str]) -> "dict[str, Field]":
        """The members with these names; any other is noted with what was probably meant."""
        names = frozenset(known)
        members = self.members()
        for name, value in members.items():
            if name not in names:
                value.misfit(f"there is no field {name}", instead=did_you_mean(name, names))
        return {name: value for name, value in members.items() if name in names}

    @property
    def is_mapping(self) -> bool:
        """Whether it is written as `name: value`."""
        return isinstance(self.node, yaml.MappingNode)

    def _child(self, node: yaml.Node, *, at: str, named: yaml.Node | None = None) -> "Field":
        line = self.notes.line(named or node)
        self.notes.lines[at] = line
        return Field(node=node, at=at, line=line, notes=self.notes)


def compose(text: str, *, notes: Notes) -> Field | None:
    """The root of a YAML document. None, and noted, when it is no YAML or not a mapping."""
    try:
        root = _parsed(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = (mark.line if mark else 0) + 1 + notes.offset
        problem = getattr(error, "problem", None) or str(error)
        notes.add(line=line, at="", message=f"the front matter is not YAML: {problem}", instead=QUOTE_HINT)
        return None
    if root is None:
        return None
    if not isinstance(root, yaml.MappingNode):
        notes.note(root, at="", message="the front matter is not a list of `name: value` lines")
        return None
    return Field(node=root, at="", line=notes.line(root), notes=notes)


def _parsed(text: str) -> yaml.Node | None:
    """The syntax tree. The fast parser has other words for what is wrong, and is not everywhere: the slow one tells."""
    try:
        return yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
QUOTE_HINT = 'check the indentation, and put text with ": " or "#" in quotes'
