"""Writes PromQL matchers. Every value is quoted here, so that a name from outside can never become part of a query."""

import re
from collections.abc import Iterable, Mapping

from incidents.entity import Entity, EntityKind

_SAFE = "[bcdfghjklmnpqrstvwxz2456789]"
"""The characters of generated names (k8s.io/apimachinery/pkg/util/rand): no vowels, so that no word is spelled."""
_SUFFIX = f"{_SAFE}{{5}}"
_HASH = f"{_SAFE}{{1,10}}"
_POD_NAMES = {
    EntityKind.DEPLOYMENT: f"-{_HASH}-{_SUFFIX}",
    EntityKind.STATEFULSET: "-[0-9]+",
    EntityKind.DAEMONSET: f"-{_SUFFIX}",
    EntityKind.JOB: f"-{_SUFFIX}",
    EntityKind.CRONJOB: f"-[0-9]+-{_SUFFIX}",
}
_SPECIAL = re.compile(r"([\\.+*?()|\[\]{}^$])")


def quoted(text: str) -> str:
    """A PromQL string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def escaped(text: str) -> str:
    """The text as a regular expression (RE2) that matches exactly it."""
    return _SPECIAL.sub(r"\\\1", text)


def equals(labels: Mapping[str, str]) -> str:
    """`a="x",b="y"`."""
    return ",".join(f"{name}={quoted(value)}" for name, value in labels.items())


def any_of(label: str, values: Iterable[str]) -> str:
    """`label=~"a|b"`, or `label="a"` for one."""
    ordered = sorted(set(values))
    if len(ordered) == 1:
        return f"{label}={quoted(ordered[0])}"
    return f"{label}=~{quoted('|'.join(escaped(value) for value in ordered))}"


def pod_pattern(entity: Entity) -> str:
    """A regular expression over the names that the pods of a workload have; of other entities, their own name."""
    if entity.kind is EntityKind.CONTAINER:
        return escaped(entity.name.split("/", 1)[0])
    return escaped(entity.name) + _POD_NAMES.get(entity.kind, "")


def any_pod() -> str:
    """A regular expression over names of pods whose first group is the name of the workload that owns them.

    Pods of CronJobs count as their Jobs': a run is told from the next one by its time stamp.
    """
    return f"(.+?)(?:-{_HASH}-{_SUFFIX}|-[0-9]+|-{_SUFFIX})"


def pods_of(entity: Entity) -> str:
    """`namespace="shop",pod=~"checkout-..."`: the pods of a workload, by how its controller names them."""
    matchers = [f"pod=~{quoted(pod_pattern(entity))}"]
    if entity.namespace:
        matchers.insert(0, equals({"namespace": entity.namespace}))
    return ",".join(matchers)
