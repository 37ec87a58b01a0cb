"""Expansion of the Go templates in alert labels and annotations: `{{ $labels.pod }}`, `{{ $value | humanize }}`.

Covers what rule files in the wild use. A template that cannot be expanded becomes a text that says so, as it does in
Prometheus.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from worlds.prometheus import humanize
from worlds.prometheus.template_syntax import (
    Block,
    Literal,
    Name,
    Node,
    Operand,
    Output,
    Path,
    Pipeline,
    TemplateError,
    Text,
    parse_template,
)
from worlds.promql.errors import QueryError
from worlds.promql.result import Sample

Term: TypeAlias = "bool | str | float | Sample | Mapping[str, str] | Sequence[Sample] | None"
Query = Callable[[str], Sequence[Sample]]
_VERB = re.compile(r"%[-+ #0]*\d*(?:\.\d+)?[a-zA-Z%]")


@dataclass(frozen=True, kw_only=True)
class TemplateData:
    """What a template can refer to. `query` evaluates PromQL at the rule's time."""

    labels: Mapping[str, str]
    value: float
    query: Query
    external_labels: Mapping[str, str]
    external_url: str

    def variables(self) -> dict[str, Term]:
        """Return the variables that Prometheus defines in front of every template."""
        return {
            "$labels": self.labels,
            "$value": self.value,
            "$externalLabels": self.external_labels,
            "$externalURL": self.external_url,
        }


def expand(source: str, data: TemplateData) -> str:
    """Expand one template. Never raises: what is wrong stands in the result."""
    if "{{" not in source:
        return source
    try:
        return _Expansion(data).nodes(parse_template(source), dot=None, variables=data.variables())
    except (TemplateError, QueryError, re.error, ValueError, TypeError) as error:
        return f"<error expanding template: {error}>"


class _Expansion:
    """One expansion: walks the nodes and calls the functions."""

    def __init__(self, data: TemplateData) -> None:
        self._data = data
        self._functions = {**_FUNCTIONS, "query": lambda text: self._data.query(str(text))}

    def nodes(self, nodes: Sequence[Node], *, dot: Term, variables: dict[str, Term]) -> str:
        return "".join(self._node(node, dot, variables) for node in nodes)

    def _node(self, node: Node, dot: Term, variables: dict[str, Term]) -> str:
        match node:
            case Text():
                return node.text
            case Output():
                value = self._pipeline(node.pipeline, dot, variables)
                if node.pipeline.assigned:
                    variables[node.pipeline.assigned] = value
                    return ""
                return _written(value)
            case Block():
                return self._block(node, dot, variables)

    def _block(self, node: Block, dot: Term, variables: dict[str, Term]) -> str:
        value = self._pipeline(node.pipeline, dot, variables)
        if not value:
            return self.nodes(node.otherwise, dot=dot, variables=dict(variables))
        scope = dict(variables)
        if node.pipeline.assigned:
            scope[node.pipeline.assigned] = value
        if node.keyword == "range":
            if isinstance(value, str | float | bool | Sample) or not isinstance(value, Sequence):
                raise TemplateError("range can't iterate over this value")
            return "".join(self.nodes(node.body, dot=one, variables=dict(scope)) for one in value)
        return self.nodes(node.body, dot=dot if node.keyword == "if" else value, variables=scope)

    def _pipeline(self, pipeline: Pipeline, dot: Term, variables: dict[str, Term]) -> Term:
        value: Term = None
        for index, command in enumerate(pipeline.commands):
            piped = [] if index == 0 else [value]
            value = self._command(command, piped, dot, variables)
        return value

    def _command(self, command: Sequence[Operand], piped: list[Term], dot: Term, variables: dict[str, Term]) -> Term:
        first, arguments = command[0], [self._operand(one, dot, variables) for one in command[1:]]
        if isinstance(first, Name):
            return self._call(first.name, [*arguments, *piped])
        if arguments or piped:
            raise TemplateError("can't give argument to non-function")
        return self._operand(first, dot, variables)

    def _operand(self, operand: Operand, dot: Term, variables: dict[str, Term]) -> Term:
        match operand:
            case Literal():
                return operand.value
            case Name():
                return self._call(operand.name, [])
            case Pipeline():
                return self._pipeline(operand, dot, variables)
            case Path():
                if operand.variable and operand.variable not in variables:
                    raise TemplateError(f'undefined variable "{operand.variable}"')
                start = variables[operand.variable] if operand.variable else dot
                if not operand.variable and dot is None and operand.fields:
                    return self._top_level(operand.fields)
                return _walk(start, operand.fields)

    def _top_level(self, fields: tuple[str, ...]) -> Term:
        known: dict[str, Term] = {
            "Labels": self._data.labels,
            "Value": self._data.value,
            "ExternalLabels": self._data.external_labels,
            "ExternalURL": self._data.external_url,
        }
        if fields[0] not in known:
            raise TemplateError(f"can't evaluate field {fields[0]}")
        return _walk(known[fields[0]], fields[1:])

    def _call(self, name: str, arguments: list[Term]) -> Term:
        if name in ("true", "false"):
            return name == "true"
        if name not in self._functions:
            raise TemplateError(f'function "{name}" not defined')
        return self._functions[name](*arguments)


def _walk(value: Term, fields: Sequence[str]) -> Term:
    for field in fields:
        if isinstance(value, Sample):
            value = value.labels if field == "Labels" else value.value
        elif isinstance(value, Mapping):
            value = value.get(field, "")
        else:
            raise TemplateError(f"can't evaluate field {field}")
    return value


def _written(value: Term) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return humanize.go_float(float(value))
        case None:
            return "<no value>"
        case str():
            return value
        case _ if isinstance(value, Mapping):
            return "map[" + " ".join(f"{key}:{text}" for key, text in sorted(value.items())) + "]"
        case _:
            return str(value)


def _number(value: Term) -> float:
    if isinstance(value, str | float | int):
        return float(value)
    raise TemplateError(f"can't convert {type(value).__name__} to float")


def _first(samples: Term) -> Term:
    if not samples or isinstance(samples, str | float | bool | Sample | Mapping):
        raise TemplateError("first() called on vector with no elements")
    return samples[0]


def _sorted_by_label(name: Term, samples: Term) -> Sequence[Sample]:
    if isinstance(samples, str | float | bool | Sample | Mapping) or samples is None:
        raise TemplateError("sortByLabel needs a query's result")
    return sorted(samples, key=lambda one: one.labels.get(str(name), ""))


def _sample(value: Term) -> Sample:
    if not isinstance(value, Sample):
        raise TemplateError("a sample is needed here: put `| first` in front")
    return value


def _printf(layout: Term, *arguments: Term) -> str:
    remaining = list(arguments)

    def one(match: re.Match[str]) -> str:
        verb = match.group()
        if verb.endswith("%"):
            return "%"
        value = remaining.pop(0)
        match verb[-1]:
            case "s" | "v":
                return str(f"{verb[:-1]}s" % _written(value))
            case "q":
                return f'"{_written(value)}"'
            case "d":
                return str(verb % int(_number(value)))
            case _:
                return str(verb % _number(value))

    return _VERB.sub(one, str(layout))


def _go_pattern(replacement: Term) -> str:
    """Turn Go's `$1` and `${1}` into Python's references."""
    return re.sub(r"\$\{?(\w+)\}?", r"\\g<\1>", str(replacement))


def _strip_port(text: Term) -> str:
    return re.sub(r":\d+$", "", str(text)).strip("[]")


_FUNCTIONS: Mapping[str, Callable[..., Term]] = {
    "humanize": lambda value: humanize.humanize(_number(value)),
    "humanize1024": lambda value: humanize.humanize1024(_number(value)),
    "humanizeDuration": lambda value: humanize.humanize_duration(_number(value)),
    "humanizePercentage": lambda value: humanize.humanize_percentage(_number(value)),
    "humanizeTimestamp": lambda value: humanize.humanize_timestamp(_number(value)),
    "printf": _printf,
    "title": lambda text: str(text).title(),
    "toUpper": lambda text: str(text).upper(),
    "toLower": lambda text: str(text).lower(),
    "reReplaceAll": lambda pattern, with_, text: re.sub(str(pattern), _go_pattern(with_), str(text)),
    "match": lambda pattern, text: re.search(str(pattern), str(text)) is not None,
    "stripPort": _strip_port,
    "first": _first,
    "sortByLabel": _sorted_by_label,
    "value": lambda sample: _sample(sample).value,
    "label": lambda name, sample: _sample(sample).labels.get(str(name), ""),
    "eq": lambda first, *others: any(first == other for other in others),
    "ne": lambda first, second: first != second,
    "lt": lambda first, second: _number(first) < _number(second),
    "le": lambda first, second: _number(first) <= _number(second),
    "gt": lambda first, second: _number(first) > _number(second),
    "ge": lambda first, second: _number(first) >= _number(second),
    "and": lambda *terms: next((term for term in terms if not term), terms[-1]),
    "or": lambda *terms: next((term for term in terms if term), terms[-1]),
    "not": lambda term: not term,
}
