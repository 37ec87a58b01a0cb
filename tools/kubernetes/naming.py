"""Whom a configuration value names: services by their DNS names, and hosts outside the cluster. Pure.

A bare word names a service only where a host stands: behind `://` or `@`, before a port, or as the whole value of a
variable whose name says that it holds one.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from incidents.ids import EntityId

_HOST = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
_IN_URL = re.compile(rf"[a-z][a-z0-9+.-]*://(?:[^\s/@'\"]*@)?(?P<host>{_HOST})(?=[:/?#\s,;'\"]|$)", re.IGNORECASE)
_WITH_PORT = re.compile(rf"(?<![\w./@-])(?P<host>{_HOST}):(?P<port>\d{{2,5}})(?!\d)", re.IGNORECASE)
_BEHIND_AT = re.compile(rf"@(?:tcp\()?(?P<host>{_HOST})(?=[:/)?\s,]|$)", re.IGNORECASE)
_DOTTED = re.compile(rf"(?<![\w./@-])(?P<host>[a-z0-9-]+\.[a-z0-9-]+\.svc(?:\.{_HOST})?)(?![\w-])", re.IGNORECASE)
_HOLDS_HOST = re.compile(
    r"(?:^|[_.-])(?:host|hosts|hostname|addr|address|addresses|url|uri|endpoint|endpoints|server|servers|service|svc"
    r"|upstream|target|broker|brokers|backend|dsn)$",
    re.IGNORECASE,
)
_ALONE = re.compile(_HOST, re.IGNORECASE)
_PUBLIC = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,24}", re.IGNORECASE)
_NOT_OUTSIDE = (".local", ".internal", ".cluster", ".svc", ".localdomain", ".invalid")

OUTSIDE_DOTS = 2
"""`api.provider.com`: with one dot less it may be a service and its namespace."""


@dataclass(frozen=True, kw_only=True)
class Directory:
    """The services of a cluster by (namespace, name)."""

    services: Mapping[tuple[str, str], EntityId]

    def find(self, host: str, *, namespace: str) -> EntityId | None:
        """The service that a host names, seen from a pod of that namespace (its search domains)."""
        parts = host.lower().rstrip(".").split(".")
        if len(parts) == 1:
            return self.services.get((namespace, parts[0]))
        if len(parts) == 2 or parts[2] == "svc":  # noqa: PLR2004 - name.namespace
            return self.services.get((parts[1], parts[0]))
        # A pod of a StatefulSet: pod.service.namespace.svc
        if len(parts) > 3 and parts[3] == "svc":  # noqa: PLR2004 - the fourth label
            return self.services.get((parts[2], parts[1]))
        return None


def hosts_in(name: str, value: str) -> tuple[str, ...]:
    """Hosts that a value names, each once, in lowercase. `name` is the variable or key that holds it."""
    return tuple(dict.fromkeys(host.lower() for host in _hosts(name, value)))


def outside(host: str) -> bool:
    """Whether a host is one of the public internet by its form."""
    return _PUBLIC.fullmatch(host) is not None and not host.endswith(_NOT_OUTSIDE) and ".svc." not in host


def in_url(value: str) -> tuple[str, ...]:
    """Hosts of URLs in a value: these are believed to be outside the cluster, whatever their form."""
    return tuple(dict.fromkeys(match["host"].lower() for match in _IN_URL.finditer(value)))


def outward(name: str, value: str) -> tuple[str, ...]:
    """Hosts that a value names which can only be outside: in a URL, or of more parts than `service.namespace`."""
    named = (host for host in hosts_in(name, value) if host.count(".") >= OUTSIDE_DOTS)
    return tuple(host for host in dict.fromkeys((*in_url(value), *named)) if outside(host))


def _hosts(name: str, value: str) -> Iterator[str]:
    for pattern in (_IN_URL, _WITH_PORT, _BEHIND_AT, _DOTTED):
        yield from (match["host"] for match in pattern.finditer(value))
    if _HOLDS_HOST.search(name):
        for part in re.split(r"[,;\s]+", value.strip()):
            if _ALONE.fullmatch(part):
                yield part
