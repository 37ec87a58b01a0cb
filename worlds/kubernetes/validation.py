"""What the API server refuses with 422: the few rules that a wrong repair is likely to break."""

from worlds.kubernetes.answers import invalid
from worlds.objects.kinds import JsonObject, Kind
from worlds.objects.quantity import QuantityError, parse_quantity

_WITH_TEMPLATE = {"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"}


def check(kind: Kind, new: JsonObject, *, before: JsonObject | None) -> None:
    """Raise ApiError 422 naming every field that cannot be stored."""
    name = new.get("metadata", {}).get("name", "")
    causes: list[tuple[str, str]] = []
    spec = new.get("spec") or {}
    if kind.kind in _WITH_TEMPLATE:
        causes += _check_replicas(spec)
        causes += _check_pod_spec(spec.get("template", {}).get("spec", {}), at="spec.template.spec")
        if before is not None and spec.get("selector") != before["spec"].get("selector"):
            causes.append(("spec.selector", "Invalid value: field is immutable"))
    if kind.kind == "Pod":
        causes += _check_pod_spec(spec, at="spec")
        if before is not None and _without_images(spec) != _without_images(before["spec"]):
            text = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`"
            causes.append(("spec", text))
    if causes:
        raise invalid(kind, name, causes)


def _check_replicas(spec: JsonObject) -> list[tuple[str, str]]:
    replicas = spec.get("replicas", 1)
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        return [("spec.replicas", f"Invalid value: {replicas!r}: must be an integer")]
    if replicas < 0:
        return [("spec.replicas", f"Invalid value: {replicas}: must be greater than or equal to 0")]
    return []


def _check_pod_spec(spec: JsonObject, *, at: str) -> list[tuple[str, str]]:
    containers = spec.get("containers") or []
    if not containers:
        return [(f"{at}.containers", "Required value")]
    causes: list[tuple[str, str]] = []
    for number, container in enumerate(containers):
        here = f"{at}.containers[{number}]"
        if not container.get("image"):
            causes.append((f"{here}.image", "Required value"))
        if not container.get("name"):
            causes.append((f"{here}.name", "Required value"))
        causes += _check_resources(container.get("resources") or {}, at=f"{here}.resources")
    return causes


def _check_resources(resources: JsonObject, *, at: str) -> list[tuple[str, str]]:
    causes: list[tuple[str, str]] = []
    figures: dict[tuple[str, str], float] = {}
    for side in ("limits", "requests"):
        for name, value in (resources.get(side) or {}).items():
            try:
                figures[side, name] = parse_quantity(value)
            except QuantityError:
                causes.append(
                    (f"{at}.{side}.{name}", f'Invalid value: "{value}": quantities must match the regular expression')
                )
    for (side, name), value in figures.items():
        limit = figures.get(("limits", name))
        if side == "requests" and limit is not None and value > limit:
            written = resources["requests"][name], resources["limits"][name]
            causes.append(
                (
                    f"{at}.requests",
                    f'Invalid value: "{written[0]}": must be less than or equal to {name} limit of {written[1]}',
                )
            )
    return causes


def _without_images(spec: JsonObject) -> JsonObject:
    plain = dict(spec)
    plain["containers"] = [{k: v for k, v in c.items() if k != "image"} for c in spec.get("containers", [])]
    return plain
