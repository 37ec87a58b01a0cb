"""Apply a scenario's `change` to a workload's manifests, and recognise a pod that carries it."""

from worlds.estate.manifests import CONTROLLERS, Manifests, controller_of
from worlds.objects.copying import copied
from worlds.objects.kinds import JsonObject
from worlds.objects.patches import STRATEGIC, apply_patch
from worlds.scenario.change import Change


class ChangeError(ValueError):
    """The change does not fit the workload: it names a manifest that the workload does not have."""


def edited(manifests: Manifests, *, change: Change) -> Manifests:
    """Return a copy of the manifests with the change applied. Raises ChangeError."""
    after = copied(manifests)
    controller = controller_of(after)
    if change.replicas is not None:
        controller["spec"]["replicas"] = change.replicas
    _edit_template(controller["spec"]["template"], change)
    _edit_service(after, change)
    if change.config:
        data = _manifest(after, "ConfigMap").setdefault("data", {})
        _edit_values(data, change.config)
    if change.storage_class is not None:
        for claim in controller["spec"].get("volumeClaimTemplates", []):
            claim["spec"]["storageClassName"] = change.storage_class
    for field, value in (("minReplicas", change.autoscale_min), ("maxReplicas", change.autoscale_max)):
        if value is not None:
            _manifest(after, "HorizontalPodAutoscaler")["spec"][field] = value
    for kind, patch in change.patch.items():
        after[kind] = apply_patch(_manifest(after, kind), patch, content_type=STRATEGIC)
    return after


def _manifest(manifests: Manifests, kind: str) -> JsonObject:
    if kind not in manifests:
        raise ChangeError(f"the change needs a {kind}, but the workload has only {', '.join(manifests)}")
    return manifests[kind]


def _edit_values(values: dict[str, str], change: dict[str, str | None]) -> None:
    for key, value in change.items():
        if value is None:
            values.pop(key, None)
        else:
            values[key] = value


def _edit_template(template: JsonObject, change: Change) -> None:
    spec, container = template["spec"], template["spec"]["containers"][0]
    if change.image is not None:
        container["image"] = change.image
    if change.tag is not None:
        container["image"] = container["image"].rpartition(":")[0] + ":" + change.tag
        template["metadata"]["labels"]["app.kubernetes.io/version"] = change.tag
    if change.command is not None:
        container["command"] = list(change.command)
    if change.container_port is not None:
        container["ports"][0]["containerPort"] = change.container_port
    if change.node_selector is not None:
        spec["nodeSelector"] = dict(change.node_selector)
    if change.service_account is not None:
        spec["serviceAccountName"] = change.service_account
    if change.priority_class is not None:
        spec["priorityClassName"] = change.priority_class
    _edit_resources(container, change)
    _edit_env(container, change)
    _edit_probes(container, change)


def _edit_resources(container: JsonObject, change: Change) -> None:
    for side, name, value in (
        ("limits", "memory", change.memory_limit),
        ("requests", "memory", change.memory_request),
        ("limits", "cpu", change.cpu_limit),
        ("requests", "cpu", change.cpu_request),
    ):
        if value is not None:
            container["resources"].setdefault(side, {})[name] = value


def _edit_env(container: JsonObject, change: Change) -> None:
    for name, value in change.env.items():
        place = next((i for i, entry in enumerate(container["env"]) if entry["name"] == name), None)
        if value is None and place is not None:
            del container["env"][place]
        elif value is not None and place is not None:
            container["env"][place] = {"name": name, "value": value}
        elif value is not None:
            container["env"].append({"name": name, "value": value})


def _edit_probes(container: JsonObject, change: Change) -> None:
    for probe, key, value in (
        ("readinessProbe", "path", change.readiness_path),
        ("readinessProbe", "port", change.readiness_port),
        ("readinessProbe", "scheme", change.readiness_scheme),
        ("livenessProbe", "path", change.liveness_path),
        ("livenessProbe", "port", change.liveness_port),
    ):
        if value is not None:
            container[probe]["httpGet"][key] = value
    if change.liveness_delay is not None:
        container["livenessProbe"]["initialDelaySeconds"] = int(change.liveness_delay)
    if change.liveness_timeout is not None:
        container["livenessProbe"]["timeoutSeconds"] = int(change.liveness_timeout)


def _edit_service(manifests: Manifests, change: Change) -> None:
    if change.service_target_port is not None:
        _manifest(manifests, "Service")["spec"]["ports"][0]["targetPort"] = change.service_target_port
    if change.service_selector is not None:
        _manifest(manifests, "Service")["spec"]["selector"] = dict(change.service_selector)


def carries(pod_spec: JsonObject, *, change: Change, config: dict[str, str]) -> bool:
    """Say whether a pod was made with the changed values. `config` holds the config values its process started with."""
    container = pod_spec["containers"][0]
    env = {entry["name"]: entry.get("value", config.get(entry["name"])) for entry in container.get("env", [])}
    image = container["image"]
    resources = container.get("resources", {})
    checks = [
        change.tag is None or image.endswith(f":{change.tag}"),
        change.image is None or image == change.image,
        change.command is None or container.get("command") == list(change.command),
        change.memory_limit is None or resources.get("limits", {}).get("memory") == change.memory_limit,
        change.cpu_limit is None or resources.get("limits", {}).get("cpu") == change.cpu_limit,
        all(env.get(name) == value for name, value in change.env.items()),
        all(config.get(name) == value for name, value in change.config.items()),
        all(_is_patched(pod_spec, change.patch[kind]) for kind in CONTROLLERS if kind in change.patch),
    ]
    return all(checks)


def _is_patched(pod_spec: JsonObject, patch: JsonObject) -> bool:
    """Say whether patching a controller's template once more would leave the pod as it is."""
    wanted = patch.get("spec", {}).get("template", {}).get("spec", {})
    return apply_patch(pod_spec, wanted, content_type=STRATEGIC) == pod_spec
