"""The base of every domain value: frozen, keyword-only, closed to unknown fields. Values change by copy."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value. `model_copy(update=...)` gives a changed one; an unknown field is an error, not a surprise."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Scalar = str | int | float | bool
