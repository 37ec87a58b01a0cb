"""GitHub's tokens and refusals."""

from fastapi import HTTPException, Request

from worlds.instances import endpoint


class Tokens:
    """The token that may read and the one that may also write."""

    def __init__(self, *, read: str, write: str) -> None:
        self._read = {read, write}
        self._write = {write}

    async def may_read(self, request: Request) -> None:
        """Raise 401 without a valid token."""
        if _token(request) not in self._read:
            raise HTTPException(401, "Bad credentials")

    async def may_write(self, request: Request) -> None:
        """Raise 401 without a valid token and 403 with one that may only read."""
        await self.may_read(request)
        if _token(request) not in self._write:
            raise HTTPException(403, "Resource not accessible by personal access token")


may_read = endpoint(Tokens, Tokens.may_read)
may_write = endpoint(Tokens, Tokens.may_write)
"""What routes depend on: the tokens of the world that is asked."""


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in {"bearer", "token"} else ""


def not_found() -> HTTPException:
    """Return GitHub's 404."""
    return HTTPException(404, "Not Found")


def unprocessable(message: str) -> HTTPException:
    """Return GitHub's 422."""
    return HTTPException(422, message)
