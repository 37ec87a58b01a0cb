"""Which addresses Midwatch may speak to: never the cloud's metadata service, never what only this machine's link has.

Private and loopback addresses are allowed: they are where clusters are. A name is judged by all its addresses at the
moment of connecting, and the connection goes to the address that was judged, so that a name cannot change its
meaning in between (DNS rebinding). Redirects are the business of `tools.http`: they stay on the configured origin.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Annotated, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pydantic import AfterValidator

from tools.errors import PermanentError, TransientError

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port -> its addresses."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Answer = TypeVar("Answer")

METADATA = frozenset(
    {
        "169.254.169.254",  # AWS, Google, Azure, OpenStack; link-local as a whole is refused anyway
        "fd00:ec2::254",  # AWS, by IPv6
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle
        "168.63.129.16",  # Azure's host agent
    }
)
METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
LOW_32_BITS = 0xFFFF_FFFF


def objection_to_url(url: str) -> str | None:
    """Why nobody should configure this address, in words; None when nothing stands against it. Asks no name server."""
    host = (urlsplit(url).hostname or "").rstrip(".").casefold()
    if host in METADATA_NAMES:
        return f"{host} is a cloud's metadata service"
    literal = _literal(host)
    return None if literal is None else objection_to(literal)


def _worth_asking(url: str) -> str:
    if why := objection_to_url(url):
        message = f"{why}: write the address of the system itself"
        raise ValueError(message)
    return url


def _with_scheme(url: str) -> str:
    if url and not url.startswith(("http://", "https://")):
        message = "write https://host (or http://host:port): people follow links that begin with it"
        raise ValueError(message)
    return url


class Shown:
    """Marks an address that is written into links for people and never asked by Midwatch."""


AskedUrl = Annotated[str, AfterValidator(_worth_asking)]
"""A configured address that Midwatch asks. Every one has this type (or is judged where its file is read): a test walks
the settings and refuses an address of another type."""
ShownUrl = Annotated[str, Shown(), AfterValidator(_with_scheme)]
"""A configured address that is only shown; empty where there is none."""


def objection_to(address: Address) -> str | None:
    """Why Midwatch does not speak to this address."""
    for one in _faces(address):
        if str(one) in METADATA:
            return f"{address} is a cloud's metadata service"
        if one.is_link_local:
            return f"{address} is link-local: it means another machine wherever it is used"
        if one.is_unspecified or one.is_multicast or str(one) == "255.255.255.255":
            return f"{address} is nobody's address"
    return None


def _literal(host: str) -> Address | None:
    """The address that a host is written as, in any of the forms that resolvers take (also `0xa9fea9fe`)."""
    try:
        return ipaddress.ip_address(host.split("%", maxsplit=1)[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _faces(address: Address) -> tuple[Address, ...]:
    """The address, and the IPv4 address that it leads to (mapped, 6to4, NAT64)."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    inner = address.ipv4_mapped or address.sixtofour
    if address in NAT64:
        inner = ipaddress.IPv4Address(int(address) & LOW_32_BITS)
    return (address,) if inner is None else (address, inner)


async def resolve(host: str, port: int) -> Sequence[str]:
    """All addresses of a name, in the resolver's order. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


async def judged(host: str, port: int, *, system: str, resolver: Resolve = resolve) -> Sequence[str]:
    """The addresses of a name. Raises PermanentError when it has one that is not spoken to, TransientError for none."""
    literal = _literal(host)
    try:
        found = [str(literal)] if literal else list(await resolver(host, port))
    except OSError as error:
        raise TransientError(f"{system} cannot be reached: {host} has no address ({error})") from error
    for address in found:
        if why := objection_to(ipaddress.ip_address(address.split("%", maxsplit=1)[0])):
            raise PermanentError(f"{system} is not asked: {host} leads to {why}")
    return found


async def first_answer(
    addresses: Iterable[str], send: Callable[[str], Awaitable[Answer]], *, unconnected: type[Exception]
) -> Answer:
    """What the first address answers that a connection can be made to. Raises the last `unconnected`.

    Only an error that says that nothing was sent may be `unconnected`: a request is never sent twice.
    """
    problem = unconnected("there is no address")
    for address in addresses:
        try:
            return await send(address)
        except unconnected as error:
            problem = error
    raise problem


def by_proxy(url: str) -> bool:
    """Whether the environment names a proxy for this address: it looks the name up, and decides who may be reached."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return parts.scheme in getproxies() and not proxy_bypass(host) and not is_loopback(host)


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for this address; None where there is none.

    Raises PermanentError for one of another kind than HTTP.
    """
    if not by_proxy(url):
        return None
    named = getproxies()[urlsplit(url).scheme]
    kind, there, _ = named.partition("://")
    if there and kind not in ("http", "https"):
        parts = urlsplit(url)
        raise PermanentError(
            f"{parts.netloc} cannot be asked: {parts.scheme}_proxy names a {kind} proxy. Name one that speaks HTTP, or "
            "except the address with no_proxy"
        )
    return named if there else f"http://{named}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, as it is written."""
    return host in ("localhost", "::1") or host.startswith("127.")
