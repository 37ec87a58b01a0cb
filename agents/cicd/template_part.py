"""Which part of a template a changed field belongs to. Pure; paths are those of `tools.kubernetes.field_path`."""

import re
from enum import StrEnum

from tools.kubernetes.field_path import place_of


class TemplatePart(StrEnum):
    """What a field of a template is about."""

    IMAGE = "image"
    MEMORY_LIMIT = "memory limit"
    CPU_LIMIT = "cpu limit"
    REQUESTS = "requests"
    """Requests, and limits of other resources than CPU and memory."""
    ENV = "environment"
    """Variables with literal values."""
    CONFIG_REF = "config reference"
    """Which ConfigMap, Secret, key or ServiceAccount is used."""
    COMMAND = "command"
    PROBE = "probe"
    PORT = "port"
    VOLUME = "volume"
    PLACEMENT = "placement"
    """Where its pods may run: selectors, affinity, tolerations, spread, priority."""
    SECURITY = "security context"
    RESTART = "restart"
    """Only an annotation that makes pods new."""
    LABELS = "labels"
    """Pod labels that services and policies may select by."""
    MARK = "mark"
    """Labels and annotations that say where a template comes from: version, commit, checksum."""
    OTHER = "other"


_CONTAINER_PARTS = (
    ("image", TemplatePart.IMAGE),
    ("resources.limits.memory", TemplatePart.MEMORY_LIMIT),
    ("resources.limits.cpu", TemplatePart.CPU_LIMIT),
    ("resources", TemplatePart.REQUESTS),
    ("command", TemplatePart.COMMAND),
    ("args", TemplatePart.COMMAND),
    ("workingDir", TemplatePart.COMMAND),
    ("livenessProbe", TemplatePart.PROBE),
    ("readinessProbe", TemplatePart.PROBE),
    ("startupProbe", TemplatePart.PROBE),
    ("ports", TemplatePart.PORT),
    ("volumeMounts", TemplatePart.VOLUME),
    ("volumeDevices", TemplatePart.VOLUME),
    ("securityContext", TemplatePart.SECURITY),
    ("envFrom", TemplatePart.CONFIG_REF),
    ("env", TemplatePart.ENV),
)
_POD_PARTS = (
    ("volumes", TemplatePart.VOLUME),
    ("nodeSelector", TemplatePart.PLACEMENT),
    ("nodeName", TemplatePart.PLACEMENT),
    ("affinity", TemplatePart.PLACEMENT),
    ("tolerations", TemplatePart.PLACEMENT),
    ("topologySpreadConstraints", TemplatePart.PLACEMENT),
    ("priorityClassName", TemplatePart.PLACEMENT),
    ("schedulerName", TemplatePart.PLACEMENT),
    ("runtimeClassName", TemplatePart.PLACEMENT),
    ("securityContext", TemplatePart.SECURITY),
    ("serviceAccount", TemplatePart.CONFIG_REF),
    ("imagePullSecrets", TemplatePart.CONFIG_REF),
)
_REFERENCE = re.compile(r"\.(configMap|secret|configMapRef|secretRef|configMapKeyRef|secretKeyRef)\.|\.valueFrom\b")
_PROVENANCE = re.compile(
    r"version|commit|revision|checksum|hash|release|build|deploy|git|chart|managed-by|change-cause|tracking-id",
    re.IGNORECASE,
)
_RESTARTED = "kubectl.kubernetes.io/restartedAt"
_ROOT = "spec.template.spec."


def part_of(path: str) -> TemplatePart:
    """The part that a path of a template difference speaks about."""
    place = place_of(path)
    if place.container is not None:
        return _container_part(place.field)
    if path.startswith("spec.template.metadata"):
        return _metadata_part(path)
    if _REFERENCE.search(path):
        return TemplatePart.CONFIG_REF
    field = path.removeprefix(_ROOT)
    return next((part for start, part in _POD_PARTS if field.startswith(start)), TemplatePart.OTHER)


def _container_part(field: str) -> TemplatePart:
    if _REFERENCE.search(f".{field}"):
        return TemplatePart.CONFIG_REF
    return next((part for start, part in _CONTAINER_PARTS if _below(field, start)), TemplatePart.OTHER)


def _below(field: str, start: str) -> bool:
    return field == start or (field.startswith(start) and field[len(start)] in ".[")


def _metadata_part(path: str) -> TemplatePart:
    if _RESTARTED in path:
        return TemplatePart.RESTART
    if ".labels" in path and not _PROVENANCE.search(path):
        return TemplatePart.LABELS
    return TemplatePart.MARK
