"""How worlds write JSON: as the systems they stand for do, without spaces, and fast, for they write a great deal."""

from typing import Any

import orjson
from starlette.responses import JSONResponse


class JsonAnswer(JSONResponse):
    """An answer in JSON. A number that is none becomes null."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return orjson.dumps(content)
