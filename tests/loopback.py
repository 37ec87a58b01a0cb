"""The guard that keeps tests on this machine: a connection or a name look-up beyond loopback is refused and remembered.

It guards Python's sockets in the test process: asyncio, httpx, aiohttp and the model SDKs all go through them. Programs
that tests start are told by the environment (no proxies, no credentials) and are pointed at loopback by their tests.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any, ClassVar


class OutsideNetworkError(ConnectionRefusedError):
    """A test tried to leave the machine; the seam for tests is a server on 127.0.0.1."""


class LoopbackOnly:
    """Replaces what opens connections by versions that refuse everything but loopback and unix sockets."""

    refused: ClassVar[list[str]] = []

    @classmethod
    def install(cls) -> None:
        """Guard every socket of this process, for as long as it lives."""
        cls._guard_method("connect", address_index=0)
        cls._guard_method("connect_ex", address_index=0)
        cls._guard_method("sendto", address_index=-1)
        cls._guard_lookup()

    @classmethod
    def _guard_method(cls, name: str, *, address_index: int) -> None:
        original = getattr(socket.socket, name)

        def guarded(self: socket.socket, *arguments: Any) -> Any:
            if self.family in (socket.AF_INET, socket.AF_INET6):
                cls._check(arguments[address_index][0])
            return original(self, *arguments)

        setattr(socket.socket, name, guarded)

    @classmethod
    def _guard_lookup(cls) -> None:
        original = socket.getaddrinfo

        def guarded(host: Any, *arguments: Any, **named: Any) -> Any:
            if host is not None:
                cls._check(host.decode() if isinstance(host, bytes) else host, lookup=True)
            return original(host, *arguments, **named)

        socket.getaddrinfo = guarded

    @classmethod
    def _check(cls, host: str, *, lookup: bool = False) -> None:
        if _stays_here(host, lookup=lookup):
            return
        cls.refused.append(host)
        raise OutsideNetworkError(f"tests stay on loopback, and this one wanted to reach {host}")


def _stays_here(host: str, *, lookup: bool) -> bool:
    if host in ("", "localhost") or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.split("%", maxsplit=1)[0])
    except ValueError:
        return False
    # Turning a literal address into itself reaches nobody; "any" address is only ever bound or means this machine.
    return lookup or address.is_loopback or address.is_unspecified
