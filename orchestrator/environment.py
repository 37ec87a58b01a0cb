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


class Environment(EnvSettingsSource):
    """The environment as a source of settings."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """JSON, or a short form. Raises ValueError for neither."""
        try:
            return json.loads(value)
        except ValueError:
            if field_name == "model":
                return {"name": value}
            if get_origin(field.annotation) is tuple and not value.lstrip().startswith(("[", "{")):
                return [part.strip() for part in value.split(",") if part.strip()]
            raise


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
