"""Reads settings from `MIDWATCH_*`: JSON for lists and maps, and the short forms that people write by hand.

`MIDWATCH_ROLES=web,worker` is a list, `MIDWATCH_MODEL=openai:gpt-5.2` is the model's name. A name that means nothing is
an error with the nearest one that does, because a typo in an environment is otherwise silent.
"""

import difflib
import json
import os
from typing import Any, get_origin

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

PREFIX = "MIDWATCH_"
NOT_SETTINGS = (
    *("MIDWATCH_CONFIG", "MIDWATCH_CACHE_DIR", "MIDWATCH_SCREENSHOTS"),
    *("MIDWATCH_SETUP_", "MIDWATCH_TEST_", "MIDWATCH_DEMO_"),
)
"""Names that belong to the command line, to make, and to the tests."""


class NotJsonError(ValueError):
    """A variable holds neither JSON nor a short form; its message names the variable, and never repeats the value."""


class Environment(EnvSettingsSource):
    """The environment as a source of settings."""

    def decode_complex_value(self, field_name: str, field: FieldInfo | None, value: Any) -> Any:
        """JSON, or a short form: words with commas are a list, also when they are digits. Raises NotJsonError."""
        listed = field is not None and get_origin(field.annotation) is tuple
        if listed and not value.lstrip().startswith(("[", "{")):
            return [part.strip() for part in value.split(",") if part.strip()]
        try:
            return json.loads(value)
        except ValueError as error:
            if field_name == "model":
                return {"name": value}
            where = f"character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else "as a whole"
            raise NotJsonError(f"{_holder(value)} is no JSON ({where}): {_ADVICE}") from None


_ADVICE = (
    "lists are words,with,commas or JSON, groups of fields are JSON; in a file that a shell reads, write single quotes "
    "around it, or the shell takes the quotation marks away"
)


def _holder(value: str) -> str:
    """The setting and the variable that hold exactly this."""
    names = [name for name, held in os.environ.items() if name.upper().startswith(PREFIX) and held == value]
    return " or ".join(f"{n.upper().removeprefix(PREFIX).replace('__', '.').lower()} ({n})" for n in names)


def unknown_names(settings: type[BaseSettings]) -> dict[str, str]:
    """Names in the environment that look like settings and are none, each with the nearest real one (or nothing)."""
    known = [PREFIX + name.upper() for name in settings.model_fields]
    found: dict[str, str] = {}
    for name in sorted(os.environ):
        if not name.startswith(PREFIX) or name.startswith(NOT_SETTINGS):
            continue
        if name.split("__", 1)[0] not in known:
            found[name] = next(iter(difflib.get_close_matches(name.split("__", 1)[0], known, n=1)), "")
    return found
