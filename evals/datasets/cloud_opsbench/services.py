"""Services and their endpoints."""

import re
from collections.abc import Iterator, Sequence

from evals.datasets.cloud_opsbench.cache import Cache
from evals.datasets.cloud_opsbench.gaps import ready_addresses
from evals.datasets.cloud_opsbench.identity import metadata_of, uid_of
from evals.datasets.cloud_opsbench.outline import Line, pairs
from evals.datasets.cloud_opsbench.tables import Row, read_rows
from worlds.objects.kinds import JsonObject

_DESCRIBED = re.compile(r"(?:(?P<name>\S+)\s+)?(?P<number>\d+)/(?P<protocol>[A-Z]+)")
_LISTED = re.compile(r"(?P<number>\d+)(?::(?P<node>\d+))?/(?P<protocol>[A-Z]+)")


def read_services(cache: Cache, pods: Sequence[JsonObject]) -> Iterator[JsonObject]:
    """Services with their endpoint slices."""
    for namespace, name in cache.names("services"):
        service = _service(cache, namespace, name)
        yield service
        yield _slice(cache, namespace, name, service, pods)


def _service(cache: Cache, namespace: str, name: str) -> JsonObject:
    outline, row = cache.outline("services", namespace, name), cache.row("services", namespace, name)
    spec: JsonObject = {"type": (outline.word("Type") if outline else "") or row.get("TYPE", "ClusterIP")}
    address = (outline.word("IP") if outline else "") or row.get("CLUSTER-IP", "")
    spec["clusterIP"] = address or "None"
    spec["ports"] = list(_ports(outline)) if outline else list(_listed_ports(row))
    spec["selector"] = pairs(outline.child("Selector")) if outline else _selected(row)
    if outline is not None and (outside := outline.word("External Name")):
        spec["externalName"] = outside
    metadata = metadata_of(cache, kind="Service", resource="services", namespace=namespace, name=name)
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _selected(row: Row) -> dict[str, str]:
    found = (part.partition("=") for part in row.get("SELECTOR", "").split(",") if part)
    return {key: value for key, sign, value in found if sign}


def _ports(outline: Line) -> Iterator[JsonObject]:
    """`Port`, `TargetPort` and `NodePort` stand below each other, once per port."""
    port: JsonObject = {}
    for line in outline.below:
        match line.key:
            case "Port":
                if port:
                    yield port
                found = _DESCRIBED.match(line.value)
                port = {"port": int(found["number"]), "protocol": found["protocol"]} if found else {}
                if found and found["name"] and found["name"] != "<unset>":
                    port["name"] = found["name"]
            case "TargetPort" if port:
                target = line.value.partition("/")[0]
                port["targetPort"] = int(target) if target.isdigit() else target
            case "NodePort" if port and (found := _DESCRIBED.match(line.value)):
                port["nodePort"] = int(found["number"])
    if port:
        yield port


def _listed_ports(row: Row) -> Iterator[JsonObject]:
    for match in _LISTED.finditer(row.get("PORT(S)", "")):
        yield {"port": int(match["number"]), "protocol": match["protocol"]}


def _slice(cache: Cache, namespace: str, name: str, service: JsonObject, pods: Sequence[JsonObject]) -> JsonObject:
    ready, unready, ports = _addresses(cache, namespace, name)
    if not cache.names("endpoints"):
        ready, unready = ready_addresses(service, pods)
    by_address = {address: pod for pod in pods if (address := pod["status"].get("podIP"))}
    metadata: JsonObject = {
        "name": f"{name}-recorded",
        "namespace": namespace,
        "uid": uid_of("EndpointSlice", namespace, name),
        "labels": {"kubernetes.io/service-name": name},
    }
    if created := service["metadata"].get("creationTimestamp"):
        metadata["creationTimestamp"] = created
    endpoints = [
        _endpoint(address, fine=fine, pod=by_address.get(address))
        for fine, addresses in ((True, ready), (False, unready))
        for address in addresses
    ]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    }


def _endpoint(address: str, *, fine: bool, pod: JsonObject | None) -> JsonObject:
    conditions = {"ready": fine, "serving": fine, "terminating": False}
    endpoint: JsonObject = {"addresses": [address], "conditions": conditions}
    if pod is not None:
        meta = pod["metadata"]
        endpoint["targetRef"] = {
            "kind": "Pod",
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        }
        if node := pod["spec"].get("nodeName"):
            endpoint["nodeName"] = node
    return endpoint


def _addresses(cache: Cache, namespace: str, name: str) -> tuple[list[str], list[str], list[JsonObject]]:
    """Ready and unready addresses and the ports: of the endpoints as described, else of their listing."""
    outline = cache.outline("endpoints", namespace, name)
    subsets = outline.child("Subsets") if outline else None
    if subsets is None:
        listed = cache.row("endpoints", namespace, name).get("ENDPOINTS", "")
        found = [part.rpartition(":")[0] or part for part in listed.split(" ")[0].split(",") if part]
        return list(dict.fromkeys(found)), [], []
    ports: list[JsonObject] = [
        {"name": row.get("Name", ""), "port": int(row["Port"]), "protocol": row.get("Protocol", "")}
        for row in read_rows(subsets.rows("Ports"))
        if row.get("Port", "").isdigit()
    ]
    ready, unready = subsets.word("Addresses"), subsets.word("NotReadyAddresses")
    return _split(ready), _split(unready), ports


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
