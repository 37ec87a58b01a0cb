"""The syntax of Go's text/template as far as alert annotations use it: output, if, with, range, pipelines."""

import ast as python_literals
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


class TemplateError(Exception):
    """The template cannot be expanded; the message says where it is wrong."""


@dataclass(frozen=True, kw_only=True)
class Literal:
    """A string or number in a pipeline."""

    value: str | float


@dataclass(frozen=True, kw_only=True)
class Path:
    """`$name.a.b` or, with an empty name, `.a.b`."""

    variable: str
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Name:
    """A function's name."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Commands joined by `|`: each is an operand or a function with arguments. May be assigned to a variable."""

    commands: tuple[tuple["Operand", ...], ...]
    assigned: str = ""


Operand: TypeAlias = Literal | Path | Name | Pipeline


@dataclass(frozen=True, kw_only=True)
class Text:
    """Text between actions."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Output:
    """`{{ pipeline }}`."""

    pipeline: Pipeline


@dataclass(frozen=True, kw_only=True)
class Block:
    """`{{ if|with|range pipeline }} body {{ else }} otherwise {{ end }}`."""

    keyword: str
    pipeline: Pipeline
    body: tuple["Node", ...]
    otherwise: tuple["Node", ...]


Node: TypeAlias = Text | Output | Block

_ACTION = re.compile(r"(\s*)\{\{(-\s)?(.*?)(\s-)?\}\}(\s*)", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?P<number>-?\d[\d.]*(?:[eE][-+]?\d+)?)"""
    r"""|(?P<variable>\$\w*)|(?P<field>\.\w*)|(?P<symbol>:=|[|()])|(?P<word>\w+))"""
)
_BLOCKS = frozenset({"if", "with", "range"})


def parse_template(source: str) -> tuple[Node, ...]:
    """Parse a template. Raises TemplateError."""
    pieces = _Pieces(_split(source))
    nodes, end = _until(pieces, closing=frozenset())
    if end:
        raise TemplateError(f"unexpected {{{{{end}}}}}")
    return nodes


def _split(source: str) -> list[tuple[str, bool]]:
    """Cut into (text, False) and (action, True), with the white space that `{{-` and `-}}` eat removed."""
    pieces: list[tuple[str, bool]] = []
    position = 0
    for match in _ACTION.finditer(source):
        before, trims_left, action, trims_right, after = match.groups()
        text = source[position : match.start()] + ("" if trims_left else before)
        pieces += [(text, False), (action.strip(), True)]
        position = match.end() if trims_right else match.end() - len(after)
    if "{{" in source[position:]:
        raise TemplateError("unclosed action")
    pieces.append((source[position:], False))
    return [piece for piece in pieces if piece[1] or piece[0]]


class _Pieces:
    """A cursor over the pieces of a template."""

    def __init__(self, pieces: Sequence[tuple[str, bool]]) -> None:
        self._pieces, self._at = pieces, 0

    def next(self) -> tuple[str, bool] | None:
        if self._at == len(self._pieces):
            return None
        self._at += 1
        return self._pieces[self._at - 1]


def _until(pieces: _Pieces, *, closing: frozenset[str]) -> tuple[tuple[Node, ...], str]:
    nodes: list[Node] = []
    while (piece := pieces.next()) is not None:
        content, is_action = piece
        keyword, _, rest = content.partition(" ")
        if not is_action:
            nodes.append(Text(text=content))
        elif keyword in ("end", "else"):
            return tuple(nodes), content
        elif keyword in _BLOCKS:
            nodes.append(_block(keyword, rest, pieces))
        elif not content.startswith("/*"):
            nodes.append(Output(pipeline=parse_pipeline(content)))
    if closing:
        raise TemplateError("unexpected EOF: a block is not closed by {{ end }}")
    return tuple(nodes), ""


def _block(keyword: str, condition: str, pieces: _Pieces) -> Block:
    body, end = _until(pieces, closing=frozenset({"end", "else"}))
    otherwise: tuple[Node, ...] = ()
    if end == "else":
        otherwise, _ = _until(pieces, closing=frozenset({"end"}))
    elif end != "end":  # `else if ...`: what follows is a block of its own, closed by the same `end`
        chained, _, rest = end.removeprefix("else").strip().partition(" ")
        otherwise = (_block(chained, rest, pieces),)
    return Block(keyword=keyword, pipeline=parse_pipeline(condition), body=body, otherwise=otherwise)


def parse_pipeline(source: str) -> Pipeline:
    """Parse what stands between the braces. Raises TemplateError."""
    tokens = _tokens(source)
    assigned = ""
    if len(tokens) > 1 and tokens[0][0] == "variable" and tokens[1][1] == ":=":
        assigned, tokens = tokens[0][1], tokens[2:]
    pipeline, rest = _pipeline(tokens)
    if rest:
        raise TemplateError(f"unexpected {rest[0][1]!r} in {source!r}")
    return Pipeline(commands=pipeline.commands, assigned=assigned)


def _tokens(source: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    text = source.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise TemplateError(f"unexpected {text[position:].strip()[:10]!r} in {source!r}")
        tokens.append((match.lastgroup, match.group(match.lastgroup)))
        position = match.end()
    return tokens


def _pipeline(tokens: list[tuple[str, str]]) -> tuple[Pipeline, list[tuple[str, str]]]:
    commands: list[tuple[Operand, ...]] = []
    command: list[Operand] = []
    while tokens and tokens[0] != ("symbol", ")"):
        (kind, text), tokens = tokens[0], tokens[1:]
        if (kind, text) == ("symbol", "|"):
            commands.append(tuple(command))
            command = []
        elif (kind, text) == ("symbol", "("):
            inner, tokens = _pipeline(tokens)
            if not tokens:
                raise TemplateError("unclosed left parenthesis")
            command.append(inner)
            tokens = tokens[1:]
        else:
            operand, tokens = _operand(kind, text, tokens)
            command.append(operand)
    commands.append(tuple(command))
    if not all(commands):
        raise TemplateError("missing value for command")
    return Pipeline(commands=tuple(commands)), tokens


def _operand(kind: str, text: str, tokens: list[tuple[str, str]]) -> tuple[Operand, list[tuple[str, str]]]:
    match kind:
        case "string":
            value = text[1:-1] if text.startswith("`") else str(python_literals.literal_eval(text))
            return Literal(value=value), tokens
        case "number":
            return Literal(value=float(text)), tokens
        case "word":
            return Name(name=text), tokens
        case "variable" | "field":
            variable = text if kind == "variable" else ""
            fields = [text] if kind == "field" else []
            while tokens and tokens[0][0] == "field":
                fields.append(tokens[0][1])
                tokens = tokens[1:]
            return Path(variable=variable, fields=tuple(one[1:] for one in fields if one != ".")), tokens
        case _:
            raise TemplateError(f"unexpected {text!r}")
