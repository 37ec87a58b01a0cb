"""Makes the record of a view fit into one evidence body by leaving out every second value of its curves, and says so.

Detectors are given the whole view; people and replays get what is kept. A cut in the middle of JSON would be of no use.
"""

import json
from typing import Any

from incidents.evidence import BODY_LIMIT
from incidents.value import Value

MOST_HALVINGS = 5
_CURVE = {"start", "step", "values"}


def body_of(view: Value, *, limit: int = BODY_LIMIT) -> tuple[str, str | None]:
    """The view as JSON within `limit` bytes if thinning can do it, and in words what was left out."""
    body = view.model_dump_json(exclude_defaults=True)
    kept = 1
    for _ in range(MOST_HALVINGS):
        if len(body.encode()) <= limit:
            break
        body = json.dumps(_halved(json.loads(body)), separators=(",", ":"))
        kept *= 2
    return body, f"one of {kept} values is kept in the record" if kept > 1 else None


def _halved(item: Any) -> Any:
    """The same JSON with every curve at twice its step."""
    match item:
        case dict() if item.keys() >= _CURVE:
            return {**item, "step": item["step"] * 2, "values": item["values"][::2]}
        case dict():
            return {name: _halved(value) for name, value in item.items()}
        case list():
            return [_halved(value) for value in item]
        case _:
            return item
