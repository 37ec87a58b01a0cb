"""One canonical JSON form and one digest over it, for everything that is bound by content."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from incidents.ids import Digest
from incidents.value import Value

Json = str | int | float | bool | None | Mapping[str, "Json"] | Sequence["Json"]


def canonical(value: Value | Json) -> bytes:
    """UTF-8 JSON with sorted keys, no white space, no NaN; pydantic values in their JSON mode."""
    plain = value.model_dump(mode="json") if isinstance(value, Value) else value
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_of(value: Value | Json | bytes) -> Digest:
    """`sha256:<64 hex>` over the canonical form, or over the bytes as they are."""
    data = value if isinstance(value, bytes) else canonical(value)
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def short(digest: str, *, length: int = 16) -> str:
    """The first hexadecimal digits of a digest, for ids that people read."""
    return digest.removeprefix("sha256:")[:length]


def utc(moment: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a naive datetime, whose instant nobody knows."""
    if moment.tzinfo is None:
        message = f"{moment.isoformat()} has no time zone: give one, for example {moment.isoformat()}Z"
        raise ValueError(message)
    return moment.astimezone(UTC)
