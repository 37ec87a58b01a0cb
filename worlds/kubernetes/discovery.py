"""What the API server says about itself: versions, groups, resources."""

from worlds.objects.kinds import KINDS, JsonObject, Kind


def version(git_version: str) -> JsonObject:
    """Answer /version."""
    major, minor = git_version.lstrip("v").split(".")[:2]
    return {
        "major": major,
        "minor": minor,
        "gitVersion": git_version,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "2026-08-13T14:02:44Z",
        "goVersion": "go1.26.1",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def core_versions() -> JsonObject:
    """Answer /api."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def group_list() -> JsonObject:
    """Answer /apis."""
    groups = sorted({kind.group for kind in KINDS if kind.group} | {"authorization.k8s.io"})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(group) for group in groups]}


def _group(name: str) -> JsonObject:
    version_name = next((kind.version for kind in KINDS if kind.group == name), "v1")
    one = {"groupVersion": f"{name}/{version_name}", "version": version_name}
    return {"name": name, "versions": [one], "preferredVersion": one}


def group(name: str) -> JsonObject | None:
    """Answer /apis/GROUP; None when there is no such group."""
    known = {kind.group for kind in KINDS} | {"authorization.k8s.io"}
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)} if name and name in known else None


def resource_list(*, group_name: str, version_name: str) -> JsonObject | None:
    """Answer /api/v1 and /apis/GROUP/VERSION; None when there is no such version."""
    kinds = [kind for kind in KINDS if (kind.group, kind.version) == (group_name, version_name)]
    if not kinds:
        return None
    resources = [entry for kind in kinds for entry in _resources(kind)]
    name = f"{group_name}/{version_name}".lstrip("/")
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}


def _resources(kind: Kind) -> list[JsonObject]:
    own = {"name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.namespaced, "kind": kind.kind}
    entries: list[JsonObject] = [{**own, "verbs": list(kind.verbs), "shortNames": list(kind.short)}]
    for sub in kind.subresources:
        shown, verbs = kind.kind, ["get", "patch", "update"]
        if sub == "scale":
            shown = "Scale"
        if sub == "eviction":
            shown, verbs = "Eviction", ["create"]
        if sub == "log":
            verbs = ["get"]
        entries.append(
            {
                "name": f"{kind.plural}/{sub}",
                "singularName": "",
                "namespaced": kind.namespaced,
                "kind": shown,
                "verbs": verbs,
            }
        )
    return entries
