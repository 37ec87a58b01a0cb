"""A listening socket on the wished port, or a clear word about who may have it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


class PortTakenError(Exception):
    """The port is in use: give another one by `MIDWATCH_LISTEN__PORT`, or 0 for any free one."""


@contextmanager
def open_socket(host: str, port: int) -> Iterator[socket.socket]:
    """Bind and listen; port 0 takes a free one. Raises PortTakenError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            where = f"cannot listen on {host}:{port} ({error.strerror})"
            raise PortTakenError(f"{where}: set MIDWATCH_LISTEN__PORT to another port, or 0") from error
        listener.listen(128)
        yield listener
