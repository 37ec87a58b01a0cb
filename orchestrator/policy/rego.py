"""Asks the Rego modules of a policy, in process. What does not evaluate, or answers in another form, denies.

Modules are compiled once per policy and process. Nothing here waits or touches anything outside.
"""

import re
from functools import lru_cache

from pydantic import JsonValue, TypeAdapter, ValidationError
from regopy import Interpreter
from regopy.interpreter import Bundle
from regopy.rego_shared import LogLevel, RegoError

from incidents.calendar import open_windows
from incidents.canonical import canonical
from incidents.policy import (
    Demand,
    Denial,
    Done,
    Findings,
    Policy,
    PolicyQuestion,
    RegoModule,
    Source,
    place_of,
    places_of,
)
from incidents.value import Value

COMPILED = 16
"""Policies that stay compiled: the one in use, the one before it, and those that tests compare."""
_WHAT = re.compile(r"\(errormsg \d+:(.*?)\)")
_WHERE = re.compile(r"\(error \d+:[^|]*\|(\d+)\|")


class _Denied(Value):
    """An element of `deny`: either this or just the sentence."""

    name: str = ""
    why: str


class _More(Value):
    """An element of `more`."""

    name: str = ""
    why: str
    add: int = 1


_DENY = TypeAdapter(list[_Denied | str])
_MORE = TypeAdapter(list[_More])


class InvalidRegoError(Exception):
    """A Rego module does not compile; the message says what and where."""


def findings(policy: Policy, question: PolicyQuestion) -> Findings:
    """What the modules find. Raises nothing: a failure is a denial that says so."""
    if not policy.modules:
        return Findings()
    try:
        bindings = _evaluate(policy, document(policy, question))
    except (InvalidRegoError, RegoError, ValueError) as error:
        return _failed(f"the Rego modules cannot be evaluated: {_first_line(error)}")
    found = [
        read(package, bindings[f"deny{number}"], bindings[f"more{number}"])
        for number, package in enumerate(_packages(policy))
    ]
    return Findings(
        denials=tuple(denial for one in found for denial in one.denials),
        demands=tuple(demand for one in found for demand in one.demands),
    )


def read(package: str, deny: JsonValue, more: JsonValue, *, source: Source = Source.REGO) -> Findings:
    """`deny` and `more` of one package as findings; in another form than they should be they are a denial."""
    try:
        denials = [one if isinstance(one, _Denied) else _Denied(why=one) for one in _DENY.validate_python(deny)]
        demands = [
            Demand(name=one.name or package, why=one.why, add=one.add, source=source)
            for one in _MORE.validate_python(more)
        ]
    except ValidationError as error:
        problem = error.errors()[0]
        return _failed(
            f"{package} answered something else than sets of `deny` and `more`: {problem['msg']} "
            f'(write `deny contains "why" if {{ ... }}` and `more contains {{"add": 1, "why": "..."}} if {{ ... }}`)'
        )
    named = (Denial(name=one.name or package, why=one.why, source=source) for one in denials)
    return Findings(denials=tuple(named), demands=tuple(demands))


def check(policy: Policy) -> None:
    """Compile the modules. Raises InvalidRegoError."""
    if policy.modules:
        _program(policy)


def document(policy: Policy, question: PolicyQuestion) -> dict[str, JsonValue]:
    """The input that Rego sees, in process and on an OPA server. docs/policy.md describes it."""
    places = places_of(policy, question)
    actions: list[JsonValue] = [
        {
            "kind": action.request.kind,
            "target": action.request.target,
            "arguments": dict(action.request.arguments),
            "cluster": place.cluster,
            "namespace": place.namespace,
            "environment": place.environment,
            "services": list(place.services),
            "pods": action.reach.pods,
            "callers": len(action.reach.callers),
            "nodes": len(action.reach.nodes),
            "reversibility": action.reversibility.value,
        }
        for action, place in zip(question.actions, places, strict=True)
    ]
    return {
        "now": question.at.isoformat(),
        "hour": question.at.hour,
        "weekday": question.at.strftime("%a").lower(),
        "windows": list(open_windows(policy.calendar, now=question.at)),
        "incident": question.incident,
        "cause": question.cause,
        "confidence": question.confidence,
        "usd_per_hour": question.usd_per_hour,
        "actions": actions,
        "done": [_done(policy, question, done) for done in question.standing.done],
    }


def _done(policy: Policy, question: PolicyQuestion, done: Done) -> JsonValue:
    place = place_of(policy, done.target, done.services)
    return {
        "seconds_ago": int((question.at - done.at).total_seconds()),
        "incident": done.incident,
        "kind": done.kind,
        "target": done.target,
        "cluster": place.cluster,
        "namespace": place.namespace,
        "environment": place.environment,
        "services": list(place.services),
        "pods": done.pods,
    }


def _evaluate(policy: Policy, question: dict[str, JsonValue]) -> dict[str, JsonValue]:
    interpreter, bundle = _program(policy)
    interpreter.set_input(question)
    output = interpreter.query_bundle(bundle)
    if not output.ok() or not output.results:
        raise ValueError(_first_line(output) or "no answer")
    bindings: dict[str, JsonValue] = output.results[0].bindings
    return bindings


def _program(policy: Policy) -> tuple[Interpreter, Bundle]:
    tables = policy.model_dump(mode="json", include={"growth", "freezes", "limits"})
    parts = [
        f'deny{number}=object.get(data.{package}, "deny", []); more{number}=object.get(data.{package}, "more", [])'
        for number, package in enumerate(_packages(policy))
    ]
    return _compiled(policy.modules, canonical({"policy": tables}).decode(), "; ".join(parts))


@lru_cache(maxsize=COMPILED)
def _compiled(modules: tuple[RegoModule, ...], data: str, query: str) -> tuple[Interpreter, Bundle]:
    interpreter = Interpreter()
    interpreter.log_level = LogLevel.NONE
    interpreter.strict_built_in_errors = True
    for module in modules:
        try:
            interpreter.add_module(module.name, module.text)
        except (RegoError, ValueError) as error:
            raise InvalidRegoError(_located(module, str(error))) from error
    interpreter.add_data_json(data)
    try:
        bundle = interpreter.build(query)
    except (RegoError, ValueError) as error:
        raise InvalidRegoError(_located(modules[-1], str(error))) from error
    if not bundle.ok():
        raise InvalidRegoError(
            f"{_culprit(modules)}: it does not compile; take out one rule after the other to find which"
        )
    return interpreter, bundle


def _culprit(modules: tuple[RegoModule, ...]) -> str:
    """The module that does not compile without the others; the library says neither which nor why."""
    for module in modules:
        alone = Interpreter()
        alone.log_level = LogLevel.NONE
        alone.add_module(module.name, module.text)
        if not alone.build(f"x=data.{module.package}").ok():
            return module.name
    return ", ".join(module.name for module in modules)


def _packages(policy: Policy) -> tuple[str, ...]:
    return tuple(dict.fromkeys(module.package for module in policy.modules))


def _failed(why: str) -> Findings:
    return Findings(denials=(Denial(name="rego", why=why, source=Source.MIDWATCH),))


def _located(module: RegoModule, text: str) -> str:
    """The first error of the library's own notation as `file:line: what`."""
    what = _WHAT.search(text)
    where = _WHERE.search(text)
    line = module.text[: int(where[1])].count("\n") + 1 if where else 1
    return f"{module.name}:{line}: {what[1] if what else _first_line(text)}"


def _first_line(error: object) -> str:
    return next(iter(str(error).strip().splitlines()), "")[:300]
