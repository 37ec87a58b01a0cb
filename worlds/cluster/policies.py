"""Network policies: whether one pod may open a connection to another. As the API documents them; no CNI extensions."""

from collections.abc import Mapping

from worlds.objects.kinds import JsonObject, kind_named
from worlds.objects.selectors import selects
from worlds.objects.store import ObjectStore

POLICY = kind_named("NetworkPolicy")
_NAMESPACE = kind_named("Namespace")


class NetworkPolicies:
    """All policies of the moment."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._policies = list(store.every(POLICY))

    def __bool__(self) -> bool:
        return bool(self._policies)

    def blocked(
        self, *, source: tuple[str, Mapping[str, str]], target: tuple[str, Mapping[str, str]], port: int
    ) -> bool:
        """Say whether a connection is dropped. Source and target are namespace and pod labels."""
        return self._dropped("Egress", "egress", "to", own=source, peer=target, port=port) or self._dropped(
            "Ingress", "ingress", "from", own=target, peer=source, port=port
        )

    def _dropped(
        self,
        direction: str,
        field: str,
        side: str,
        *,
        own: tuple[str, Mapping[str, str]],
        peer: tuple[str, Mapping[str, str]],
        port: int,
    ) -> bool:
        """Pods that a policy of this direction selects may only do what one of those policies allows."""
        selecting = [policy for policy in self._policies if _selects(policy, own) and direction in types_of(policy)]
        allowed = any(
            _port_fits(rule, port) and self._peer_fits(rule.get(side, []), peer, home=own[0])
            for policy in selecting
            for rule in policy["spec"].get(field, [])
        )
        return bool(selecting) and not allowed

    def _peer_fits(self, peers: list[JsonObject], peer: tuple[str, Mapping[str, str]], *, home: str) -> bool:
        return not peers or any(self._matches(one, peer, home=home) for one in peers)

    def _matches(self, one: JsonObject, peer: tuple[str, Mapping[str, str]], *, home: str) -> bool:
        namespace, labels = peer
        if "ipBlock" in one:
            return False
        if "namespaceSelector" in one:
            found = self._store.find(_NAMESPACE, name=namespace)
            own = (found or {}).get("metadata", {}).get("labels") or {}
            if one["namespaceSelector"] and not selects(one["namespaceSelector"], own):
                return False
        elif namespace != home:
            return False
        return not one.get("podSelector") or selects(one["podSelector"], labels)


def types_of(policy: JsonObject) -> list[str]:
    """Return the directions that a policy is about."""
    spec = policy["spec"]
    return list(spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])])


def _selects(policy: JsonObject, pod: tuple[str, Mapping[str, str]]) -> bool:
    selector = policy["spec"].get("podSelector")
    return policy["metadata"]["namespace"] == pod[0] and (not selector or selects(selector, pod[1]))


def _port_fits(rule: JsonObject, port: int) -> bool:
    ports = rule.get("ports", [])
    return not ports or any(entry.get("port", port) == port for entry in ports)
