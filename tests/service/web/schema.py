"""Reads an OpenAPI description strictly: what a value must look like, and values that look like it. Fails on what it does not know."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

Json = Mapping[str, Any]

NOTES = {"title", "description", "default", "examples", "readOnly", "discriminator", "propertyNames"}
"""Keywords that bind nobody here."""
KNOWN = NOTES | {
    *(
        "$ref",
        "type",
        "enum",
        "const",
        "anyOf",
        "oneOf",
        "allOf",
        "properties",
        "required",
        "additionalProperties",
        "items",
    ),
    *(
        "uniqueItems",
        "prefixItems",
        "minItems",
        "maxItems",
        "format",
        "pattern",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "minLength",
        "maxLength",
    ),
}
TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


class Description:
    """One description."""

    def __init__(self, document: Json) -> None:
        self.document = document

    def resolved(self, schema: Json) -> Json:
        """What a reference stands for."""
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        unknown = set(schema) - KNOWN
        assert not unknown, f"teach the reader {', '.join(sorted(unknown))}"
        return schema

    def problems(self, schema: Json, value: Any, at: str = "answer") -> list[str]:
        """Where the value is otherwise than the schema says; empty when it is as it says."""
        schema = self.resolved(schema)
        for word in ("anyOf", "oneOf"):
            if word in schema:
                tries = [self.problems(one, value, at) for one in schema[word]]
                return [] if any(not found for found in tries) else [f"{at}: none of {word}: {tries[0]}"]
        found = [p for one in schema.get("allOf", ()) for p in self.problems(one, value, at)]
        if "type" in schema and not _is(value, schema["type"]):
            return [*found, f"{at}: {json.dumps(value)[:60]} is no {schema['type']}"]
        if "enum" in schema and value not in schema["enum"]:
            found.append(f"{at}: {value!r} is none of {schema['enum']}")
        if "const" in schema and value != schema["const"]:
            found.append(f"{at}: {value!r} is not {schema['const']!r}")
        if schema.get("format") == "date-time" and isinstance(value, str):
            datetime.fromisoformat(value)
        if isinstance(value, dict):
            found += self._object(schema, value, at)
        if isinstance(value, list):
            firsts = schema.get("prefixItems", ())
            rest = schema.get("items", {})
            for place, item in enumerate(value):
                found += self.problems(firsts[place] if place < len(firsts) else rest, item, f"{at}[{place}]")
        return found

    def _object(self, schema: Json, value: Json, at: str) -> list[str]:
        known, more = schema.get("properties", {}), schema.get("additionalProperties", True)
        found = [f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, item in value.items():
            if name in known:
                found += self.problems(known[name], item, f"{at}.{name}")
            elif more is False:
                found.append(f"{at}: {name} is not described")
            elif isinstance(more, dict):
                found += self.problems(more, item, f"{at}.{name}")
        return found

    def values(self, schema: Json) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one answer per kind of schema
        """Values as the schema wants them."""
        schema = self.resolved(schema)
        if "anyOf" in schema:
            return st.one_of([self.values(one) for one in schema["anyOf"]])
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        if "pattern" in schema:
            return st.from_regex(
                re.compile(schema["pattern"]), fullmatch=True, alphabet=st.characters(max_codepoint=126)
            )
        match schema.get("type"):
            case "string" if schema.get("format") == "date-time":
                return st.datetimes(min_value=datetime(2000, 1, 1)).map(lambda at: at.isoformat() + "Z")  # noqa: DTZ001
            case "string":
                return st.text(max_size=min(schema.get("maxLength", 40), 40))
            case "integer":
                return st.integers(schema.get("minimum", 0), schema.get("maximum", 300))
            case "boolean":
                return st.booleans()
            case "null":
                return st.none()
            case "array":
                return st.lists(self.values(schema["items"]), max_size=2)
            case "object":
                return self._objects(schema)
            case other:
                raise AssertionError(f"teach the reader values of {other}")

    def _objects(self, schema: Json) -> st.SearchStrategy[Any]:
        known = {name: self.values(one) for name, one in schema.get("properties", {}).items()}
        needed = set(schema.get("required", ()))
        return st.fixed_dictionaries(
            {name: one for name, one in known.items() if name in needed},
            optional={name: one for name, one in known.items() if name not in needed},
        )


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES[kind])
