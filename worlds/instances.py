"""Applications that a process makes once and serves for many worlds: whose world it is comes with each request.

FastAPI takes milliseconds to analyse the routes of an application, and a process plays thousands of worlds. So routes
are made of functions, whose first argument is the instance that answers; `Bound` says which instances these are.
"""

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Concatenate, TypeVar

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

_KEY = "worlds.instances"
_CONNECTION = "_connection"

R = TypeVar("R")
T = TypeVar("T")


class Bound:
    """An application that is shared, bound to the instances of one world, as a method is to one object."""

    def __init__(self, app: ASGIApp, *instances: object) -> None:
        """`instances` are one of each class."""
        self._app = app
        self._instances = {type(one): one for one in instances}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, together with the instances."""
        await self._app({**scope, _KEY: self._instances}, receive, send)


def instance(of: type[T], connection: HTTPConnection) -> T:
    """Return the instance of a class that answers a request."""
    found: T = connection.scope[_KEY][of]
    return found


def endpoint(of: type[T], function: Callable[Concatenate[T, ...], Awaitable[R]]) -> Callable[..., Awaitable[R]]:
    """Return an endpoint, or a dependency, that FastAPI calls with everything but the instance of the class `of`.

    It reads the instance from the connection, which FastAPI passes beside the request that the function may ask for.
    """
    signature = inspect.signature(function, eval_str=True)
    own = list(signature.parameters.values())[1:]
    keywords = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    connection = inspect.Parameter(_CONNECTION, inspect.Parameter.KEYWORD_ONLY, annotation=HTTPConnection)

    @wraps(function)
    async def answer(**given: Any) -> R:
        answering = instance(of, given.pop(_CONNECTION))
        return await function(answering, **given)

    answer.__signature__ = signature.replace(parameters=[*keywords, connection])  # type: ignore[attr-defined]
    return answer
