"""Container sections of a description, of pods and of templates, as the specs and states of the API."""

import re
from collections.abc import Iterator

from evals.datasets.cloud_opsbench.moments import read_date, stamp
from evals.datasets.cloud_opsbench.outline import NOTHING, Line
from worlds.objects.kinds import JsonObject

_PORT = re.compile(r"(?P<number>\d+)/(?P<protocol>[A-Z]+)(?: \((?P<name>[^)]+)\))?")
_PROBE = re.compile(
    r"(?P<how>.*?)\s*delay=(?P<delay>\w+) timeout=(?P<timeout>\w+) period=(?P<period>\w+)"
    r" #success=(?P<success>\d+) #failure=(?P<failure>\d+)"
)
_HTTP = re.compile(r"(?P<scheme>https?)://(?P<host>[^:/]*):(?P<port>[^/]*)(?P<path>/.*)?", re.IGNORECASE)
_FROM_KEY = re.compile(r"<set to the key '(?P<key>[^']+)' (?:in|of) (?P<kind>secret|config map) '(?P<name>[^']+)'>")
_FROM_FIELD = re.compile(r"\((?P<version>v\d\w*):(?P<path>[\w.\[\]'/-]+)\)$")
_OPTIONAL = re.compile(r"Optional:\s*true")
_MOUNT = re.compile(r"(?P<path>\S+) from (?P<name>\S+) \((?P<mode>[^)]*)\)")
_PROBES = (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe"))
_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - a path that every pod has


def read_containers(section: Line | None) -> list[JsonObject]:
    """Specs of the containers of a section."""
    return [_spec(block) for block in _blocks(section)]


def read_statuses(section: Line | None) -> list[JsonObject]:
    """Statuses of the containers of a pod's section; none for those that never were on a node."""
    return [_status(block) for block in _blocks(section) if block.child("State")]


def _blocks(section: Line | None) -> list[Line]:
    return section.below if section is not None else []


def _spec(block: Line) -> JsonObject:
    spec: JsonObject = {"name": block.key, "image": block.word("Image")}
    for key, field in (("Command", "command"), ("Args", "args")):
        if found := block.child(key):
            spec[field] = found.values
    if ports := _ports(block):
        spec["ports"] = ports
    resources = {
        field: {line.key: line.value for line in found.below}
        for key, field in (("Limits", "limits"), ("Requests", "requests"))
        if (found := block.child(key))
    }
    spec["resources"] = resources
    for key, field in _PROBES:
        if text := block.word(key):
            spec[field] = read_probe(text)
    spec["env"] = list(_variables(block.child("Environment")))
    spec["envFrom"] = list(_sources(block.child("Environment Variables from")))
    spec["volumeMounts"] = list(_mounts(block.child("Mounts")))
    return spec


def _ports(block: Line) -> list[JsonObject]:
    found = []
    for match in _PORT.finditer(block.word("Port") or block.word("Ports")):
        port: JsonObject = {"containerPort": int(match["number"]), "protocol": match["protocol"]}
        found.append(port | ({"name": match["name"]} if match["name"] else {}))
    return found


def read_probe(text: str) -> JsonObject:
    """Read `http-get http://:8080/health delay=5s timeout=1s period=10s #success=1 #failure=3`."""
    match = _PROBE.match(text)
    how = match["how"] if match else text
    probe = _handler(how)
    if match:
        fields = (("delay", "initialDelaySeconds"), ("timeout", "timeoutSeconds"), ("period", "periodSeconds"))
        probe |= {field: int(match[name].rstrip("s")) for name, field in fields}
        probe |= {"successThreshold": int(match["success"]), "failureThreshold": int(match["failure"])}
    return probe


def _handler(how: str) -> JsonObject:
    kind, _, rest = how.partition(" ")
    match kind:
        case "http-get":
            found = _HTTP.match(rest.strip())
            if found is None:
                return {}
            get: JsonObject = {"port": _number(found["port"]), "path": found["path"] or "/"}
            return {"httpGet": get | {"scheme": found["scheme"].upper()}}
        case "tcp-socket":
            return {"tcpSocket": {"port": _number(rest.strip().rpartition(":")[2])}}
        case "grpc":
            address = rest.strip().split(" ")[0]
            return {"grpc": {"port": _number(address.rpartition(":")[2])}}
        case "exec":
            return {"exec": {"command": rest.strip().strip("[]").split(" ")}}
        case _:
            return {}


def _number(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _variables(section: Line | None) -> Iterator[JsonObject]:
    for line in section.below if section is not None else ():
        if not line.key:
            continue
        if match := _FROM_KEY.search(line.value):
            kind = "secretKeyRef" if match["kind"] == "secret" else "configMapKeyRef"
            reference: JsonObject = {"name": match["name"], "key": match["key"]}
            if _OPTIONAL.search(line.value):
                reference["optional"] = True
            yield {"name": line.key, "valueFrom": {kind: reference}}
        elif match := _FROM_FIELD.search(line.value):
            yield {"name": line.key, "valueFrom": {"fieldRef": {"fieldPath": match["path"]}}}
        else:
            yield {"name": line.key, "value": line.value}


def _sources(section: Line | None) -> Iterator[JsonObject]:
    for line in section.below if section is not None else ():
        name, _, rest = line.text.partition(" ")
        kind = "secretRef" if "Secret" in rest else "configMapRef"
        reference: JsonObject = {"name": name}
        yield {kind: reference | ({"optional": True} if _OPTIONAL.search(rest) else {})}


def _mounts(section: Line | None) -> Iterator[JsonObject]:
    for line in section.below if section is not None else ():
        match = _MOUNT.match(line.text)
        if match and match["path"] != _TOKEN_PATH:
            yield {"name": match["name"], "mountPath": match["path"], "readOnly": "ro" in match["mode"].split(",")}


def _status(block: Line) -> JsonObject:
    status: JsonObject = {
        "name": block.key,
        "image": block.word("Image"),
        "ready": block.word("Ready") == "True",
        "restartCount": int(block.word("Restart Count") or 0),
        "state": _state(block.child("State")),
        "lastState": _state(block.child("Last State")),
    }
    status["started"] = "running" in status["state"]
    for key, field in (("Container ID", "containerID"), ("Image ID", "imageID")):
        if value := block.word(key):
            status[field] = value
    return status


def _state(line: Line | None) -> JsonObject:
    if line is None or line.value in NOTHING:
        return {}
    state: JsonObject = {}
    if reason := line.word("Reason"):
        state["reason"] = reason
    if message := line.word("Message"):
        state["message"] = message
    for key, field in (("Started", "startedAt"), ("Finished", "finishedAt")):
        if at := read_date(line.word(key)):
            state[field] = stamp(at)
    if line.value.startswith("Terminated"):
        state["exitCode"] = int(line.word("Exit Code") or 0)
    return {line.value.split(" ")[0].lower(): state}
