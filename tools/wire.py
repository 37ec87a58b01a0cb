"""The base of what outside systems send: frozen, and open to fields that we do not read. Stays in `tools/<system>/`."""

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from tools.errors import PermanentError

ReadT = TypeVar("ReadT")


class Wire(BaseModel):
    """A part of an answer. Unknown fields are ignored: every system adds some with each version."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


def read(form: type[ReadT], body: bytes, *, system: str, what: str) -> ReadT:
    """The body as that form. Raises PermanentError that names the first field that is otherwise than expected."""
    adapter: TypeAdapter[ReadT] = _adapter(cast("Hashable", form))
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the body"
        raise PermanentError(
            f"{system} answered {what} in a form that is not known: {where}: {first['msg']}"
        ) from error


@cache
def _adapter(form: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("Any", form))
