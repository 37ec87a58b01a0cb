"""Lets go of stopped worlds: FastAPI remembers thousands of endpoints, and a world's endpoints hold the world."""

from fastapi.dependencies import models


def forget_endpoints() -> None:
    """Empty FastAPI's caches of what kind of function an endpoint is. They fill again by themselves."""
    for remembered in vars(models).values():
        clear = getattr(remembered, "cache_clear", None)
        if callable(clear):
            clear()
