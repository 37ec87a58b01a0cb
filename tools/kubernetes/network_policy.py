"""Network policies: which pods they isolate, and from whom traffic is still let through."""

from collections.abc import Mapping

from incidents.entity import EntityKind
from incidents.value import Value
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import ObjectMeta, read_meta
from tools.kubernetes.selector import Selector, read_selector


class Peer(Value):
    """One peer of a rule; all None means anybody."""

    pods: Selector | None = None
    namespaces: Selector | None = None
    """None together with `pods` means: in the policy's own namespace."""
    cidr: str = ""
    excepted: tuple[str, ...] = ()


class Allow(Value):
    """One ingress or egress rule. No peers means from or to anybody, no ports means any port."""

    peers: tuple[Peer, ...] = ()
    ports: tuple[str, ...] = ()
    """`TCP/8080` or `TCP/http`; empty protocol or port parts are left out."""


class NetworkPolicy(Value):
    """One policy."""

    meta: ObjectMeta
    selector: Selector
    ingress: tuple[Allow, ...] | None = None
    """Rules when it isolates ingress (an empty tuple denies all); None when it does not."""
    egress: tuple[Allow, ...] | None = None

    def selects(self, labels: Mapping[str, str], *, namespace: str | None) -> bool:
        """Whether pods of that namespace with these labels are isolated by it."""
        return namespace == self.meta.namespace and self.selector.matches(labels)


class NetworkPolicies(Value):
    """Policies of a scope, with the labels of the namespaces that their peers may name."""

    policies: tuple[NetworkPolicy, ...]
    namespace_labels: dict[str, dict[str, str]] = {}


def read_network_policy(document: Document, *, cluster: str) -> NetworkPolicy:
    """Read a NetworkPolicy."""
    spec = document.at("spec")
    types = spec.texts("policyTypes") or (("Ingress", "Egress") if spec.has("egress") else ("Ingress",))
    return NetworkPolicy(
        meta=read_meta(document, cluster=cluster, kind=EntityKind.NETWORKPOLICY, managers=True),
        selector=read_selector(spec.at("podSelector")),
        ingress=tuple(_allow(rule, "from") for rule in spec.items("ingress")) if "Ingress" in types else None,
        egress=tuple(_allow(rule, "to") for rule in spec.items("egress")) if "Egress" in types else None,
    )


def _allow(rule: Document, side: str) -> Allow:
    return Allow(
        peers=tuple(_peer(item) for item in rule.items(side)),
        ports=tuple(_port(item) for item in rule.items("ports")),
    )


def _peer(item: Document) -> Peer:
    return Peer(
        pods=read_selector(item.at("podSelector")) if item.has("podSelector") else None,
        namespaces=read_selector(item.at("namespaceSelector")) if item.has("namespaceSelector") else None,
        cidr=item.word("ipBlock", "cidr"),
        excepted=item.texts("ipBlock", "except"),
    )


def _port(item: Document) -> str:
    protocol, port = item.text("protocol") or "TCP", item.word("port")
    last = item.word("endPort")
    return f"{protocol}/{port}-{last}" if last else f"{protocol}/{port}" if port else protocol
