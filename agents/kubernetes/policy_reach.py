"""Whether network policies let one workload talk to another. Pure.

Source of the rules: networking.k8s.io/v1 NetworkPolicy. A pod that no policy selects for a direction is open in it; one
that is selected may only do what at least one rule of the selecting policies allows. Whether the network plugin
enforces policies cannot be seen here.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tools.kubernetes.network_policy import Allow, NetworkPolicy, Peer

DNS_PORT = "53"
_SPAN = re.compile(r"(?P<first>\d+)-(?P<last>\d+)")


@dataclass(frozen=True, kw_only=True)
class Party:
    """One side of a connection."""

    namespace: str
    labels: Mapping[str, str]
    namespace_labels: Mapping[str, str]
    ports: frozenset[str] = frozenset()
    """Declared ports, numbers and names: the side that is called. Empty: unknown."""


def isolating(policies: Iterable[NetworkPolicy], party: Party, *, ingress: bool) -> list[NetworkPolicy]:
    """Policies that select the party for that direction."""
    return [
        policy
        for policy in policies
        if policy.selects(party.labels, namespace=party.namespace)
        and (policy.ingress if ingress else policy.egress) is not None
    ]


def allows(policies: Iterable[NetworkPolicy], *, own: Party, other: Party, ingress: bool) -> bool:
    """Whether any rule of the policies lets the other side through; ports are those of the side that is called."""
    called = own if ingress else other
    rules = [(policy, rule) for policy in policies for rule in ((policy.ingress if ingress else policy.egress) or ())]
    return any(_peers(rule, policy, other) and _ports(rule, called) for policy, rule in rules)


def allows_dns(policies: Iterable[NetworkPolicy]) -> bool:
    """Whether egress rules leave port 53 open to somebody."""
    rules = [rule for policy in policies for rule in policy.egress or ()]
    return any(not rule.ports or any(port.rsplit("/", 1)[-1] == DNS_PORT for port in rule.ports) for rule in rules)


def _peers(rule: Allow, policy: NetworkPolicy, other: Party) -> bool:
    return not rule.peers or any(_peer(peer, policy, other) for peer in rule.peers)


def _peer(peer: Peer, policy: NetworkPolicy, other: Party) -> bool:
    if peer.cidr:
        return peer.cidr in {"0.0.0.0/0", "::/0"}
    if peer.namespaces is None:
        inside = other.namespace == policy.meta.namespace
    else:
        inside = peer.namespaces.matches(other.namespace_labels)
    return inside and (peer.pods is None or peer.pods.matches(other.labels))


def _ports(rule: Allow, called: Party) -> bool:
    """Whether the rule leaves one of the declared ports open; undeclared ports get the benefit of the doubt."""
    if not rule.ports or not called.ports:
        return True
    return any(_opens(port, called.ports) for port in rule.ports)


def _opens(port: str, declared: frozenset[str]) -> bool:
    _, _, wanted = port.partition("/")
    if not wanted or wanted in declared:
        return True
    span = _SPAN.fullmatch(wanted)
    return span is not None and any(
        int(span["first"]) <= int(one) <= int(span["last"]) for one in declared if one.isdigit()
    )
