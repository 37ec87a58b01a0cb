"""Volumes and tolerations of a description, as specs of the API."""

import re

from evals.datasets.cloud_opsbench.outline import Line
from worlds.objects.kinds import JsonObject

_TOLERATION = re.compile(
    r"^(?P<key>[^:=\s]*)(?:=(?P<value>[^:\s]*))?(?::(?P<effect>\w+))?(?: op=(?P<op>\w+))?(?: for (?P<seconds>\d+)s)?$"
)


def read_tolerations(line: Line | None) -> list[JsonObject]:
    """Read `dedicated=gpu:NoSchedule`, `node.kubernetes.io/not-ready:NoExecute op=Exists for 300s`."""
    found = []
    for text in line.values if line is not None else ():
        match = _TOLERATION.match(text)
        if match is None:
            continue
        toleration: JsonObject = {"operator": match["op"] or ("Equal" if match["value"] else "Exists")}
        for name, field in (("key", "key"), ("value", "value"), ("effect", "effect")):
            if match[name]:
                toleration[field] = match[name]
        if match["seconds"]:
            toleration["tolerationSeconds"] = int(match["seconds"])
        found.append(toleration)
    return found


def read_volumes(section: Line | None) -> list[JsonObject]:
    """The volumes of a pod or a template; of a kind that is not read here, its name alone."""
    return [{"name": block.key, **_source(block)} for block in (section.below if section is not None else ())]


def _source(block: Line) -> JsonObject:  # noqa: PLR0911 - one line per kind of volume
    optional = {"optional": True} if block.word("Optional").lower() == "true" else {}
    match block.word("Type").split(" ")[0]:
        case "PersistentVolumeClaim":
            return {"persistentVolumeClaim": {"claimName": block.word("ClaimName")}}
        case "ConfigMap":
            return {"configMap": {"name": block.word("Name"), **optional}}
        case "Secret":
            return {"secret": {"secretName": block.word("SecretName"), **optional}}
        case "HostPath":
            return {"hostPath": {"path": block.word("Path"), "type": block.word("HostPathType")}}
        case "EmptyDir":
            limit = block.word("SizeLimit")
            return {"emptyDir": {"sizeLimit": limit} if limit else {}}
        case "Projected":
            return {"projected": {"sources": _projected(block)}}
        case _:
            return {}


def _projected(block: Line) -> list[JsonObject]:
    name = block.word("ConfigMapName")
    return [{"configMap": {"name": name}}] if name else []
